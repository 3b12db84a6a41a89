"""The page of a journey in a real browser: Debian's Chromium, driven by Playwright, from a file, without network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.map.labmap import LabMap
from lab.trace.journey import Mending
from lab.trace.show.page import page as render
from tests.integration.labs import Lab, inv
from tests.unit.trace import recordings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PROJECTOR, LAPTOP, PHONE = (1600, 900), (1280, 720), (390, 844)
TRACE = ("trace", "--from", "namespace001/pod-0", "--to", "myapp.namespace001", "--via", "pod-3")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: pip install playwright"
    )
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not there: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def healthy(two_subnet: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a request that was delivered through the tunnel."""
    file = tmp_path_factory.mktemp("page") / "journey.html"
    inv(*TRACE, "--lab", two_subnet.name, "--html", str(file)).ok()
    return file


def opened(browser: Browser, file: Path, size: tuple[int, int], scheme: str = "light") -> tuple[Page, list[str]]:
    """The page in a window of that size, and what it asked for or complained of: its own file, and nothing else."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)  # type: ignore[arg-type]
    events: list[str] = []
    page.on("request", lambda request: events.append(request.url))
    page.on("console", lambda message: events.append(message.text))
    page.on("pageerror", lambda error: events.append(str(error)))
    page.goto(file.as_uri())
    return page, events


@pytest.mark.parametrize("size", [PROJECTOR, PHONE], ids=["projector", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_hop_opens_its_packet_and_nothing_leaves_the_page(
    browser: Browser, healthy: Path, size: tuple[int, int], scheme: str
) -> None:
    page, events = opened(browser, healthy, size, scheme)
    hop = page.locator("details.hop.request.wrapped").first
    packet = hop.locator("dl.packet")
    assert not packet.is_visible()
    hop.locator("> summary").click()
    assert packet.is_visible()
    assert "VXLAN, network 4096: 10.0.1.10 → 10.0.2.10, UDP port 4789" in packet.inner_text()
    assert page.locator(".sheet .stop.on").count() == 1, "the map shows where it is"
    assert page.locator(".sheet [data-place].on").get_attribute("data-place") == "node-0"
    assert page.evaluate("document.documentElement.scrollWidth") == size[0], "nothing is wider than the window"
    assert [url for url in events if url != healthy.as_uri()] == []
    page.close()


def test_no_text_is_smaller_than_16_pixels_with_large_letters(browser: Browser, healthy: Path) -> None:
    page, _ = opened(browser, healthy, PHONE)
    page.locator(".full").check()
    smallest = page.evaluate(
        """() => Math.min(...[...document.querySelectorAll("body *")]
            .filter((one) => one.tagName !== "SCRIPT")
            .filter((one) => [...one.childNodes].some((child) => child.nodeType === 3 && child.data.trim()))
            .map((one) => parseFloat(getComputedStyle(one).fontSize)
                * (one.ownerSVGElement ? one.ownerSVGElement.getScreenCTM().a : 1)))"""
    )
    assert smallest >= 15.9
    page.close()


def test_arrow_keys_walk_along_the_hops_and_a_box_opens_the_place(browser: Browser, healthy: Path) -> None:
    page, _ = opened(browser, healthy, PROJECTOR)
    seen = []
    for _ in range(4):
        page.keyboard.press("ArrowRight")
        page.wait_for_function("document.querySelectorAll('details.hop[open]').length === 1")
        seen.append(page.locator("details.hop[open]").get_attribute("data-place"))
    assert seen == ["namespace001/pod-0", "node-0", "node-0", "node-0"]
    page.locator('.sheet [data-place="node-2"]').click(position={"x": 20, "y": 10})
    page.wait_for_function("document.querySelector('details.hop[open]').dataset.place === 'node-2'")
    page.close()


def test_without_scripts_it_still_opens(browser: Browser, healthy: Path) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(healthy.as_uri())
    hop = page.locator("section.back details.hop").first
    hop.locator("> summary").click()
    assert hop.locator("dl.packet").is_visible()
    context.close()


def test_a_lost_request_says_where_and_the_command_can_be_copied(
    browser: Browser, two_subnet: Lab, tmp_path: Path
) -> None:
    file = tmp_path / "lost.html"
    two_subnet.in_("node-2", "iptables -I INPUT -p udp --dport 4789 -j DROP")
    try:
        assert inv(*TRACE, "--lab", two_subnet.name, "--html", str(file)).status == 3
    finally:
        two_subnet.in_("node-2", "iptables -D INPUT -p udp --dport 4789 -j DROP")
    page, _ = opened(browser, file, PHONE)
    assert "lost at node-2" in page.locator("header").inner_text()
    assert page.locator(".sheet .cross").count() == 1
    command = page.locator(".command").first
    assert f"--lab {two_subnet.name} -- iptables -D INPUT" in command.locator("pre").inner_text()
    command.locator("button").click()
    page.wait_for_function("document.querySelector('.command button').textContent !== 'copy'")
    page.close()


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a recorded request that a firewall ended, with all that is known about it."""
    one = recordings.journey("lost-at-firewall")
    assert one.lost is not None
    rule = "INPUT -p udp -m udp --dport 4789 -j DROP"
    why = (
        "A rule in chain INPUT of filter drops the request in its tunnel in node-2; UDP 4789 is VXLAN, so nothing from "
        "the other subnet reaches node-2's pods."
    )
    fix = (Mending("node-2", f"iptables -D {rule}", "two-subnet.yaml:31"),)
    known = replace(one.lost, object=f"-A {rule}", object_place="node-2", why=why, fix=fix)
    labmap = LabMap.from_json(json.loads((recordings.GOLDEN / "two-subnet.map.json").read_text()))
    file = tmp_path_factory.mktemp("page") / "lost.html"
    file.write_text(render(replace(one, lost=known), labmap), encoding="utf-8")
    return file


def test_the_first_screen_of_a_laptop_holds_verdict_why_fix_and_the_whole_map(browser: Browser, lost: Path) -> None:
    page, _ = opened(browser, lost, LAPTOP)
    for part in (".verdict", ".loss p", ".loss pre", ".command", ".sheet > svg"):
        box = page.locator(part).last.bounding_box()
        assert box is not None, part
        assert box["x"] >= 0, part
        assert box["x"] + box["width"] <= LAPTOP[0], part
        assert box["y"] + box["height"] <= LAPTOP[1], part
    assert "two-subnet.yaml:31" in page.locator(".loss").inner_text()
    page.close()


@pytest.mark.parametrize("size", [PHONE, LAPTOP, PROJECTOR], ids=["phone", "laptop", "projector"])
def test_the_map_is_whole_and_its_letters_grow_when_asked(browser: Browser, lost: Path, size: tuple[int, int]) -> None:
    page, _ = opened(browser, lost, size)
    sheet, drawing = page.locator(".sheet").bounding_box(), page.locator(".sheet > svg").bounding_box()
    assert sheet is not None
    assert drawing is not None
    assert drawing["width"] <= sheet["width"]
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]
    page.locator(".full").check()
    larger = page.locator(".sheet > svg").bounding_box()
    assert larger is not None
    assert larger["width"] >= max(drawing["width"], 990)
    assert page.evaluate("document.documentElement.scrollWidth") == size[0], "the map scrolls, and not the page"
    page.close()
