"""A lab's places for tests that people write: pyroute2's IPRoute and scapy's verbs, from outside, and nothing left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Ether

from lab.errors import UsageError
from lab.running.lab import RunningLab
from tests.integration.labs import ROOT, Lab, until
from tests.integration.tasks.test_pytest_plugin import run

pytest_plugins = ["pytester"]

EXAMPLES = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "python.md").read_text(encoding="utf-8"), re.M | re.S)
HOLDING = """
import sys
from lab.running.lab import RunningLab

place = RunningLab(sys.argv[1]).place("node-0")
held = place.iproute(), place.scapy.sniffer()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever Python starts finds this checkout."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))))


@pytest.mark.usefixtures("here")
def test_the_examples_of_the_page_are_tests_that_pass(pytester: pytest.Pytester) -> None:
    assert len(EXAMPLES) == 7
    for number, text in enumerate(EXAMPLES):
        Path(pytester.path, f"test_example_{number}.py").write_text(text, encoding="utf-8")
    run(pytester, "").assert_outcomes(passed=len(EXAMPLES))


def descriptors() -> set[str]:
    """What is open here, and what it is."""
    found = set()
    for one in Path("/proc/self/fd").iterdir():
        if one.is_symlink():
            found.add(f"{one.name} {one.readlink()}")
    return {one for one in found if "/proc/" not in one}


def test_what_is_changed_is_there_and_what_was_opened_is_closed(two_subnet: Lab) -> None:
    lab = RunningLab(two_subnet.name)
    with lab.place("node-1").iproute():  # what pyroute2 itself keeps, it has now
        pass
    before = descriptors()
    with lab.place("node-1").iproute() as ipr:
        ipr.link("add", ifname="mine", kind="bridge")
        assert "mine" in two_subnet.in_("node-1", "ip -br link")
        ipr.link("del", ifname="mine")
    assert lab.place("pod-0").scapy.sr1(IP(dst="10.244.0.129") / ICMP(id=7)) is not None
    lab.place("pod-0").scapy.sniff(count=1, timeout=0.1)
    assert descriptors() == before
    assert "mine" not in two_subnet.in_("node-1", "ip -br link")


def test_a_test_with_threads_may_ask_as_well(two_subnet: Lab) -> None:
    """A user namespace takes nobody in who has threads: it is another process that enters."""
    release = threading.Event()
    waiting = threading.Thread(target=release.wait)
    waiting.start()
    names: list[str] = []

    def look() -> None:
        with RunningLab(two_subnet.name).place("router").iproute() as ipr:
            names.extend(link.get("ifname") for link in ipr.get_links())

    try:
        other = threading.Thread(target=look)
        other.start()
        other.join(30)
        answer = RunningLab(two_subnet.name).place("pod-0").scapy.sr1(IP(dst="10.244.0.129") / ICMP(id=8))
    finally:
        release.set()
        waiting.join()
    assert {"eth0", "eth1"} <= set(names)
    assert answer is not None and answer.src == "10.244.0.129"


@pytest.mark.usefixtures("here")
def test_nothing_is_left_of_a_process_that_dies_with_everything_open(lab: Callable[..., Lab]) -> None:
    one = lab("two-subnet")
    script = subprocess.Popen(
        [sys.executable, "-c", HOLDING, one.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert script.stdout is not None
    assert script.stdout.readline() == "ready\n"
    listening = one.in_("node-0", "cat /proc/net/packet").splitlines()[1:]
    assert len(listening) == 1, listening
    inside = one.processes()
    assert script.pid not in inside, "it is a process of the host as before"
    script.send_signal(signal.SIGKILL)
    script.communicate()
    assert one.processes() == inside, "what entered the place has ended long ago"
    assert not one.in_("node-0", "cat /proc/net/packet").splitlines()[1:], "no packet socket is there any more"
    one.down().ok()
    one.require_nothing_left()


def test_down_ends_a_lab_though_a_socket_of_it_is_open(lab: Callable[..., Lab]) -> None:
    one = lab("minimal")
    with RunningLab(one.name).place("node-0").iproute() as ipr:
        one.down().ok()
        one.require_nothing_left()
        until(lambda: "eth0" not in [link.get("ifname") for link in ipr.get_links()], "the veth went with its peer")


def test_what_cannot_be_is_refused_with_what_would_be_right(two_subnet: Lab) -> None:
    lab = RunningLab(two_subnet.name)
    with pytest.raises(UsageError, match="no place 'node-7'"):
        lab.place("node-7")
    pod = lab.place("pod-0").scapy
    words: Any = ["hello"]
    with pytest.raises(UsageError, match="has no interface 'eth7'"):
        pod.sniff(iface="eth7", count=1)
    with pytest.raises(UsageError, match="has no interface 'eth7'"):
        pod.send(IP(dst="10.244.0.129") / UDP(), iface="eth7")
    with pytest.raises(UsageError, match="cannot begin with UDP"):
        pod.send(UDP())
    with pytest.raises(UsageError, match="'hello' is no packet of scapy's"):
        pod.send(words)
    with pytest.raises(UsageError, match="some of the packets begin with IP"):
        pod.send([IP(dst="10.244.0.129") / UDP(), Ether() / IP(dst="10.244.0.129") / UDP()])
    with pytest.raises(UsageError, match="the filter 'tcp prt 80'"):
        pod.sniff(filter="tcp prt 80", count=1)
    with pytest.raises(UsageError, match="has no interface"):
        pod.sniff(iface="eth\ud800", count=1)
    with pytest.raises(UsageError, match="no packet of scapy's"):
        pod.send("IP(dst='10.244.0.129')")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="ARP of other than IPv4 on Ethernet has no addresses"):
        pod.send(ARP(plen=47, pdst="10.244.0.129"))
    before = descriptors()
    with pytest.raises(TypeError):
        lab.place("pod-0").iproute(no_such_option=1)
    assert descriptors() == before, "nobody has it who could close it"
