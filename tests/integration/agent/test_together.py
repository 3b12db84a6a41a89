"""Labs and commands side by side: labs with the same addresses, several `up`s of one, and a host that sees none of it.

lab A: node-0 10.0.1.10 …        lab B: node-0 10.0.1.10 …        the host: as it was
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.integration.conftest import LabFactory
from tests.integration.labs import INTERRUPTED, Lab, every_process, finish, inv, standstill, start, until

CURL = ("curl", "-sS", "--max-time", "5", "http://myapp")
# What the kernel counts by itself, all the time.
RESTLESS = re.compile(r"nf_conntrack_count|(valid|preferred)_lft|sec\b|netdev_rss_key|dev-mcast")
HOST = (
    ("ip", "-d", "addr"),
    ("ip", "route", "show", "table", "all"),
    ("ip", "rule"),
    ("ip", "netns"),
    ("iptables-save",),
    ("ipset", "save"),
    ("nft", "list", "ruleset"),
    ("sysctl", "-a", "-r", r"^net\."),
    ("cat", "/proc/self/mounts"),
    ("hostname",),
)


def look_at_the_host() -> dict[str, list[str]]:
    """What each command says, without what changes by itself; to an ordinary user some say nothing."""
    seen = {}
    path = os.pathsep.join((os.environ["PATH"], "/usr/sbin", "/sbin"))
    for command in HOST:
        told = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path})
        lines = [line for line in told.stdout.splitlines() if not RESTLESS.search(line) and not line.startswith("#")]
        seen[" ".join(command)] = lines
    return seen


def test_the_host_is_the_same_before_during_and_after(lab: LabFactory, two_subnet: Lab) -> None:
    assert two_subnet.is_listed()  # what the kernel loads with the first lab of all (its modules) is loaded
    before = look_at_the_host()
    one = lab("two-subnet-bridge")
    one.exec_("pod-0", *CURL).ok()
    assert look_at_the_host() == before
    one.down().ok()
    assert look_at_the_host() == before


def test_two_labs_with_the_same_addresses_know_nothing_of_each_other(lab: LabFactory) -> None:
    one, other = lab("two-subnet"), lab("two-subnet")
    for each in (one, other):
        assert each.exec_("pod-0", *CURL).ok().splitlines()[0] in ("pod-2", "pod-3")
    one.in_("node-0", "ip route del default")
    assert one.drift() != []
    assert other.drift() == []
    assert one.is_listed()
    one.down().ok()
    assert other.exec_("pod-0", *CURL).ok()
    assert other.is_listed()


def test_two_ups_of_one_lab_at_once(lab: LabFactory) -> None:
    one = lab("two-subnet", up=False)
    both = [one.start_up() for _ in range(3)]
    told = sorted(finish(up).ok() for up in both)
    assert sum("no changes" in line for line in told) == 2, told
    assert sum("pods, ready in" in line for line in told) == 1, told
    assert len([words for words in one.processes().values() if "lab.agent" in words]) == 1
    assert one.exec_("pod-0", *CURL).ok()


def begun(one: Lab) -> subprocess.Popen[bytes]:
    """An `up` that has started an agent, and is stopped: it has not come to ask for anything."""
    up = one.start_up()
    until(lambda: any("lab.agent" in words for words in one.processes().values()), "it starts an agent")
    up.send_signal(signal.SIGSTOP)
    until(lambda: one.name in inv("list").ok(), "the agent has the lab's name")
    return up


def test_a_down_ends_the_up_that_has_only_begun(lab: LabFactory) -> None:
    one = lab("minimal", up=False)
    up = begun(one)
    down = start("down", "--lab", one.name)
    said = finish(down)
    up.send_signal(signal.SIGCONT)
    assert said.ok() == f"{one.name}: down\n"
    assert f"lab '{one.name}' has ended" in finish(up).refused(1)
    one.require_nothing_left()


def test_an_agent_waits_for_an_up_that_is_slow(lab: LabFactory) -> None:
    one = lab("minimal", up=False)
    up = begun(one)
    until(lambda: is_answering(one), "the agent answers")
    before = one.pid()
    for _ in range(4):
        inv("list").ok()  # whoever comes and goes is not who it waits for
    up.send_signal(signal.SIGCONT)
    finish(up).ok()
    assert one.pid() == before


def is_answering(one: Lab) -> bool:
    """Whether a command reaches its agent."""
    return "is not up yet" in inv("inspect", "--lab", one.name).err


def test_an_up_while_another_is_at_work_waits_and_says_for_whom(
    lab: LabFactory, two_subnet_text: str, file: Callable[[str], str]
) -> None:
    one = lab("two-subnet")
    with standstill(one):
        first = one.start_up(topology=file(two_subnet_text.replace("{name: pod-1", "{name: pod-one")))
        until(lambda: "namespace001.pod-one" in one.names(), "the first is at work")
        second = one.start_up()
        assert second.stderr is not None
        said = second.stderr.readline().decode()
        assert f"waiting for another up (process {first.pid})" in said
        first.send_signal(signal.SIGINT)
        assert finish(first).status == INTERRUPTED
    assert "no changes" in finish(second).ok(), "the first went back to how it was, so there was nothing to do"


def test_traces_at_once_each_see_their_own(two_subnet: Lab) -> None:
    asked = ("trace", "--from", "namespace001/pod-0", "--to", "myapp.namespace001", "--via", "pod-3", "--minimal")
    several = [start(*asked, "--lab", two_subnet.name) for _ in range(4)]
    told = [finish(one).ok() for one in several]
    assert [one.splitlines()[-1] for one in told] == ["verdict delivered namespace001/pod-3"] * 4
    assert len({*told}) == 1, "none saw another's packets or rules"


def test_labs_are_the_users_own(two_subnet: Lab) -> None:
    folder = Path("/run/hoplab") if os.geteuid() == 0 else None
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if folder is None:
        folder = Path(runtime, "hoplab") if runtime else Path(f"/tmp/hoplab-{os.geteuid()}")
    assert folder.stat().st_mode & 0o777 == (0o771 if os.geteuid() == 0 else 0o700), "nobody else may read it"
    assert (folder / two_subnet.name / "agent.sock").stat().st_mode & 0o777 == 0o600
    assert (folder / two_subnet.name / "kubeconfig").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (folder / two_subnet.name).iterdir()) == [
        "agent.sock",
        "cgroups",
        "kubeconfig",
        "lock",
    ]


def test_nobody_holds_the_terminal_of_who_started_the_lab(lab: LabFactory) -> None:
    """`up | tee log` ends when `up` ends."""
    one = lab("minimal", up=False)
    up = one.start_up()
    finish(up).ok()  # would wait for the pipe's last writer
    for pid in one.processes():
        assert pid in set(every_process())
        assert os.getpgid(pid) != os.getpgid(0), "Ctrl-C on our terminal is not for the lab"


def test_list_goes_on_while_a_lab_comes_and_goes(lab: LabFactory) -> None:
    one = lab("minimal", up=False)
    up = one.start_up()
    while up.poll() is None:
        inv("list").ok()
    finish(up).ok()
    assert one.is_listed()
