"""Settings that no design knows, and that lose packets when they are not the kernel's own."""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from lab.network.objects import Sysctl
from lab.plan.commands import sysctl_name
from lab.trace.ask.exchange import UNREACHABLE
from lab.trace.explain.loss import remedies
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.journey import QUERIED


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting with the kernel's own value, what another one does, and for whom and where that matters."""

    name: str
    usual: str
    does: str
    matters: Callable[[Case, str], bool]
    least: int = 0  # a number that does no harm, nor does any greater one


def _asks_for_echo(case: Case, place: str) -> bool:
    exchange = case.passage.exchange
    return exchange.protocol == "icmp" and place == case.there.end and exchange.outcome != UNREACHABLE


def _finds_no_port(case: Case, place: str) -> bool:
    exchange = case.passage.exchange
    return place == case.client and exchange.outcome == UNREACHABLE and exchange.detail in NO_PORT


def _tracks(protocol: str) -> Callable[[Case, str], bool]:
    """Whether connection tracking follows a flow of that protocol."""
    return lambda case, _: case.passage.exchange.protocol == protocol


NO_PORT = tuple(os.strerror(one).lower() for one in (errno.EAGAIN, errno.EADDRNOTAVAIL))
SHORTEST = 2  # seconds in which an answer may come: less is forgotten before
FORGETS = "forgets flows before they are answered"
TIMEOUTS: tuple[Setting, ...] = tuple(
    Setting(f"net.netfilter.nf_conntrack_{name}", usual, FORGETS, _tracks(protocol), SHORTEST)
    for protocol, name, usual in (
        ("tcp", "tcp_timeout_syn_sent", "120"),
        ("tcp", "tcp_timeout_syn_recv", "60"),
        ("tcp", "tcp_timeout_established", "432000"),
        ("udp", "udp_timeout", "30"),
        ("icmp", "icmp_timeout", "30"),
    )
)
SETTINGS: tuple[Setting, ...] = (
    *TIMEOUTS,
    Setting("net.ipv4.ip_local_reserved_ports", "", "has no port left for what its programs send", _finds_no_port),
    Setting(
        "net.ipv4.ip_local_port_range", "32768\t60999", "has no port left for what its programs send", _finds_no_port
    ),
    Setting("net.ipv4.icmp_echo_ignore_all", "0", "answers no ICMP echo request", _asks_for_echo),
)
NAMES = tuple(one.name for one in SETTINGS)


def unusual(case: Case) -> Finding | None:
    """One of them is not the kernel's own, in a place where that explains the loss."""
    for place in case.suspects:
        for one in SETTINGS:
            value = case.about(place).answers.setting(one.name)
            harmless = one.least and value.isdecimal() and int(value) >= one.least
            if value not in ("", one.usual) and not harmless and one.matters(case, place):
                said = f"{sysctl_name(one.name)} = {' '.join(value.split())}"
                why = f"{place} {one.does}: {said}."
                fix = remedies.mended("change", Sysctl("", one.name, one.usual))
                fix = tuple(line if "\t" not in line else shlex.join(line.split(" ")) for line in fix)
                fix = tuple(line.replace("-qw", "-w") for line in fix)
                return Finding(place, Cause.WRONG_SETTING, said, why, fix, QUERIED, "deliver")
    return None
