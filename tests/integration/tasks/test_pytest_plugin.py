"""The fixture `hoplab`, as other people's tests have it: a lab for a test, gone after it."""

from __future__ import annotations

import os
import re
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.integration.labs import ROOT, inv

pytest_plugins = ["pytester"]

STORY = """
import os, pathlib

def test_the_other_subnet_is_reached_through_the_tunnel(hoplab):
    lab = hoplab("two-subnet")
    pathlib.Path("name").write_text(lab.name)
    journey = lab.trace("namespace001/pod-0", "myapp.namespace001", via="pod-3")
    assert journey.verdict == "delivered"
    assert journey.answered_by == "namespace001/pod-3"
    assert any(hop.packet.outer for hop in journey.hops)

    said = lab.exec("node-0", "ip", "-br", "link", "show", "vxlan.calico")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("vxlan.calico")
    assert lab.exec("node-0", "sh", "-c", "exit 7").returncode == 7
    other = hoplab("minimal")
    assert other.name != lab.name
    FAIL

def test_a_setting(hoplab):
    lab = hoplab("two-subnet", "cni.encapsulation=VXLAN")
    assert any(hop.packet.outer for hop in lab.trace("pod-0", "myapp", via="pod-2").hops)
"""


def run(pytester: pytest.Pytester, story: str) -> pytest.RunResult:
    """In a pytest of its own; the plugin is loaded by its entry point, or by its name where Hoplab is not installed."""
    pytester.makepyfile(story)
    installed = any(one.value == "lab.pytest_plugin" for one in entry_points(group="pytest11"))
    named = () if installed else ("-p", "lab.pytest_plugin")
    return pytester.run(sys.executable, "-m", "pytest", "-q", *named)


@pytest.mark.parametrize("page", ["testing.md", "vxlan-blocked.md"])
def test_what_the_documents_show_passes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))))
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    story = "".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    run(pytester, story).assert_outcomes(passed=story.count("\ndef test_") + story.startswith("def test_"))


@pytest.mark.parametrize(("end", "failed"), [("", 0), ("assert False", 1)], ids=["passes", "fails"])
def test_labs_are_there_for_a_test_and_gone_after_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, end: str, failed: int
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))))
    result = run(pytester, STORY.replace("FAIL", end))
    result.assert_outcomes(passed=2 - failed, failed=failed)
    name = Path(pytester.path, "name").read_text(encoding="utf-8")
    assert name.startswith("pytest-")
    assert name not in inv("list").ok()
