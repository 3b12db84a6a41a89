"""Settings that no design knows, and that lose packets when they are not the kernel's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.network.objects import Sysctl
from lab.plan.commands import sysctl_name
from lab.trace.exchange import UNREACHABLE
from lab.trace.journey import QUERIED
from lab.trace.loss import mending
from lab.trace.loss.case import Case
from lab.trace.loss.cause import Cause, Finding


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting with the kernel's own value, what another one does, and for whom and where that matters."""

    name: str
    usual: str
    does: str
    matters: Callable[[Case, str], bool]


def _asks_for_echo(case: Case, place: str) -> bool:
    exchange = case.passage.exchange
    return exchange.protocol == "icmp" and place == case.there.end and exchange.outcome != UNREACHABLE


SETTINGS: tuple[Setting, ...] = (
    Setting("net.ipv4.icmp_echo_ignore_all", "0", "answers no ICMP echo request", _asks_for_echo),
)
NAMES = tuple(one.name for one in SETTINGS)


def unusual(case: Case) -> Finding | None:
    """One of them is not the kernel's own, in a place where that explains the loss."""
    for place in case.suspects:
        for one in SETTINGS:
            value = case.about(place).answers.setting(one.name)
            if value not in ("", one.usual) and one.matters(case, place):
                said = f"{sysctl_name(one.name)} = {value}"
                why = f"{place} {one.does}: {said}."
                fix = mending.mended("change", Sysctl("", one.name, one.usual))
                fix = tuple(line.replace("-qw", "-w") for line in fix)
                return Finding(place, Cause.WRONG_SETTING, said, why, fix, QUERIED, "deliver")
    return None
