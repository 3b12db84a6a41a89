"""Links that lose packets and keep to a rate, by the file and live, on a kernel without netem.

pod-0 (node-0, subnet-a) asks pod-3 (node-2, subnet-b); node-0/eth0 is where its requests leave, node-2/eth0 where the
answers do. What needs netem is tested in a virtual machine: tests/vm/test_impairments.py.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lab.kernel.host import modules
from tests.integration.conftest import LabFactory
from tests.integration.labs import PYTHON, Done, Lab, inv, until

BAD = "node-0/eth0"
LINE = "  links: [{on: node-0/eth0, loss: 100%}]\n"
SIZE, SLOW_SECONDS = 100_000, 0.6  # at one megabit a second it takes 0.8, less what comes in the first burst
TOOK = """\
import http.client, sys, time
began = time.monotonic()
connection = http.client.HTTPConnection(sys.argv[1], 8080, timeout=20)
connection.request("GET", f"/{sys.argv[2]}")
assert len(connection.getresponse().read()) >= int(sys.argv[2])
print(time.monotonic() - began)
"""
FLOODING = """\
import socket, time
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    while True:
        one.sendto(bytes(1400), ("10.0.2.10", 9))
        time.sleep(0.002)
"""
SENDING = """\
import socket
refused = 0
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    for _ in range(1000):
        try:
            one.sendto(b"x", ("10.0.2.10", 9))
        except PermissionError:
            refused += 1
print(refused)
"""

pytestmark = pytest.mark.skipif(modules.is_there("sch_netem"), reason="this kernel has netem: nothing stands in for it")


@pytest.fixture
def own(lab: LabFactory) -> Lab:
    return lab("two-subnet")


def impair(lab: Lab, *words: str) -> Done:
    return inv("impair", "--lab", lab.name, *words)


def listed(lab: Lab) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(impair(lab, "--list", "--json").ok())
    return found


def lost(lab: Lab, *options: str) -> dict[str, Any]:
    done = inv("trace", "--lab", lab.name, "--from", "pod-0", "--to", "pod-3:8080", "--json", "-", *options)
    journey = json.loads(done.out)
    assert journey["verdict"] == "lost", str(done)
    found: dict[str, Any] = journey["lost"]
    assert found["cause"] == "impairment", found
    return found


def seconds_for(lab: Lab, size: int) -> float:
    """How long pod-0 waits for so many bytes of pod-3."""
    return float(lab.exec_("namespace001/pod-0", PYTHON, "-c", TOOK, "10.244.0.129", str(size)).ok())


@contextmanager
def flooded(lab: Lab) -> Iterator[None]:
    """node-0 sends more to node-2 than any slow link takes."""
    flooding: subprocess.Popen[bytes] = lab.start_exec("node-0", PYTHON, "-c", FLOODING)
    try:
        yield
    finally:
        flooding.terminate()
        flooding.communicate()


def test_a_link_of_the_file_loses_what_leaves_there_and_the_trace_says_so(
    lab: LabFactory, file: Callable[[str], str], two_subnet_text: str
) -> None:
    path = file(two_subnet_text.replace("spec:\n", f"spec:\n{LINE}", 1))
    one = lab(path, up=False)
    said = one.up()
    said.ok()
    assert "node-0/eth0: this kernel has no netem: a rule with iptables' statistic loses packets" in said.err
    assert one.plan() == "# no changes"

    told = lost(one)
    assert (told["place"], told["object_place"], told["evidence"]) == ("node-0", "node-0", "kernel")
    assert told["object"] == "-A POSTROUTING -o eth0 -j DROP"
    line = two_subnet_text.splitlines().index("spec:") + 2
    (fix,) = told["fix"]
    assert fix["command"] == "iptables -t mangle -D POSTROUTING -o eth0 -j DROP"
    assert fix["held_by"] == f"{path.rpartition('/')[2]}:{line}"

    mended = inv("trace", "--lab", one.name, "--from", "pod-0", "--to", "pod-3:8080", "--fix")
    assert "mended: delivered by namespace001/pod-3" in mended.ok()
    assert one.up().ok().count("node-0: chain mangle POSTROUTING") == 1, "the file brings it back"
    lost(one)
    assert "is impaired by the topology, not by hand" in impair(one, BAD, "--clear").refused(2)


def test_what_the_file_says_is_back_when_what_was_set_by_hand_is_cleared(
    lab: LabFactory, file: Callable[[str], str], two_subnet_text: str
) -> None:
    path = file(two_subnet_text.replace("spec:\n", f"spec:\n{LINE}", 1))
    one = lab(path)
    impair(one, "node-0/eth0", "--loss", "30%").ok()
    line = two_subnet_text.splitlines().index("spec:") + 2
    says = f"node-0/eth0: impaired as {path.rpartition('/')[2]}:{line} says: loss 100%\n"
    assert impair(one, "--clear").ok() == says
    assert impair(one, "--clear").ok() == "nothing to do: nothing was set by hand\n"
    assert one.plan() == "# no changes"


def test_a_rate_is_kept_until_it_is_cleared_and_outlasts_up(own: Lab) -> None:
    assert seconds_for(own, SIZE) < SLOW_SECONDS
    made = impair(own, "node-2/eth0", "--rate", "1mbit")
    assert made.ok() == "node-2/eth0: rate 1mbit, by tbf\n"
    assert "a token bucket (tbf) keeps the rate" in made.err
    assert "qdisc tbf" in own.in_("node-2", "tc qdisc show dev eth0")
    assert seconds_for(own, SIZE) > SLOW_SECONDS

    again = own.up()
    assert "no changes" in again.ok()
    assert "node-2/eth0 is impaired by hand: rate 1mbit (./inv impair node-2/eth0 --clear)" in again.err
    assert "node-2/eth0: rate 1mbit, by tbf (by hand" in own.inspect()
    assert [(one["where"], one["from"]) for one in listed(own)] == [("node-2/eth0", "")]

    assert impair(own, "node-2/eth0", "--rate", "2mbit").ok().startswith("node-2/eth0: rate 2mbit")
    assert "rate 2Mbit" in own.in_("node-2", "tc qdisc show dev eth0"), "it took the first one's place"
    assert impair(own, "--clear").ok() == "node-2/eth0: no longer impaired\n"
    assert "tbf" not in own.in_("node-2", "tc qdisc show dev eth0")
    assert seconds_for(own, SIZE) < SLOW_SECONDS
    assert listed(own) == []
    assert own.plan() == "# no changes"


def test_some_of_the_packets_are_lost_and_the_others_are_not(own: Lab) -> None:
    impair(own, BAD, "--loss", "30%").ok()
    (rule,) = (one for one in own.in_("node-0", "iptables-save -t mangle").splitlines() if " statistic " in one)
    assert "-o eth0 -m statistic --mode random --probability 0.29999999981 -j DROP" in rule
    assert own.plan() == "# no changes"
    refused = int(own.exec_("node-0", PYTHON, "-c", SENDING).ok())
    assert 200 < refused < 400, "the sender is told of its own packets"


def test_a_queue_that_a_rate_has_filled_is_the_impairments(own: Lab) -> None:
    impair(own, BAD, "--rate", "1kbit").ok()
    with flooded(own):
        until(lambda: "backlog" in own.in_("node-0", "tc -s qdisc show dev eth0"), "the queue is full")
        told = lost(own)
    assert told["object_place"] == "node-0"
    assert told["evidence"] == "kernel"
    assert "node-0/eth0 is impaired, as somebody wants it (rate 1kbit). Its queue counted" in told["why"]
    (fix,) = told["fix"]
    assert (fix["command"], fix["held_by"]) == ("tc qdisc del dev eth0 root", f"impair {BAD}")


def test_a_queue_that_somebody_made_by_hand_is_drift(own: Lab) -> None:
    own.in_("node-1", "tc qdisc add dev eth0 root pfifo limit 5")
    assert own.drift() == ["node-1: qdisc eth0: not in the file"]
    assert "remove node-1: qdisc eth0" in own.up().ok()
    assert "pfifo" not in own.in_("node-1", "tc qdisc show dev eth0")
    impair(own, "node-1/eth0", "--rate", "1mbit").ok()
    own.in_("node-1", "tc qdisc replace dev eth0 root tbf rate 5mbit burst 5000 limit 50000")
    (told,) = own.drift()
    assert "is tbf rate 5mbit" in told, told
    assert "should be tbf rate 1mbit" in told, told


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ((BAD, "--delay", "20ms"), 1, "--delay"),
        ((BAD, "--delay", "20ms", "--jitter", "5ms", "--corrupt", "1%"), 1, "--delay, --jitter, --corrupt"),
        (("pod-0/eth0", "--loss", "1%"), 1, "up --vm"),
        ((BAD, "--loss", "200%"), 2, "between 0% and 100%"),
        (
            (
                BAD,
                "--rate=-1mbit",
            ),
            2,
            "between 1kbit and 30gbit",
        ),
        ((BAD, "--jitter", "5ms"), 2, "give both"),
        ((BAD,), 2, "impair it how?"),
        (("node-0/eth9", "--loss", "1%"), 2, "did you mean 'eth0'"),
        (("node-9/eth0", "--loss", "1%"), 2, "there is no place 'node-9'"),
        (("node-0", "--loss", "1%"), 2, "write it as node-0/eth0"),
        (("--list", "--loss", "1%"), 2, "one at a time"),
        ((), 2, "impair which device?"),
    ],
)
def test_what_cannot_be_is_refused(two_subnet: Lab, words: tuple[str, ...], status: int, told: str) -> None:
    assert told in impair(two_subnet, *words).refused(status)
    assert listed(two_subnet) == []


def test_a_file_that_needs_netem_is_refused_before_anything_is_built(
    lab: LabFactory, file: Callable[[str], str], two_subnet_text: str
) -> None:
    path = file(two_subnet_text.replace("spec:\n", "spec:\n  links: [{on: node-0/eth0, delay: 20ms}]\n", 1))
    one = lab(path, up=False)
    said = one.up().refused(1)
    assert "this kernel has no netem, which the impairment of node-0/eth0 (" in said
    assert "delay 20ms" in said
    assert "up --vm" in said
    assert not one.is_listed()
