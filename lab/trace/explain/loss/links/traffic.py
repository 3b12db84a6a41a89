"""What tc does at the device where it vanished: a filter that can end packets, a queue that is full."""

from __future__ import annotations

from collections.abc import Iterable

from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.gap import EGRESS, Gap, arp_gaps, gaps
from lab.trace.explain.loss.rules.firewall import FIREWALL
from lab.trace.journey import KERNEL, QUERIED
from lab.trace.witness.tc import Discipline

DROPPING = ("action drop", "direct-action", " drop", "shot")  # in what tc prints of a filter that can end a packet


def filtered(case: Case) -> Finding | None:
    """tc has a filter at the device where it vanished, or where ARP for its next hop did."""
    return _filtered(case, gaps(case), case.name)


def no_arp(case: Case) -> Finding | None:
    """ARP for a next hop fails, and a filter stands where it is asked or where it is answered."""
    return _filtered(case, arp_gaps(case), f"ARP for the {case.name}'s next hop")


def _filtered(case: Case, passed: Iterable[Gap], what: str) -> Finding | None:
    for gap in passed:
        for one in case.about(gap.place).answers.queueing.filters:
            if (one.device, one.hook) == (gap.device, gap.hook) and any(word in one.text for word in DROPPING):
                why = (
                    f"A filter of tc stands at the {gap.hook} of {gap.device} in {gap.place}, which iptables does not "
                    f"show: it can end what passes there, and there the {what} vanished."
                )
                fix = f"tc filter del dev {one.device} {one.hook} pref {one.preference}"
                return Finding(gap.place, Cause.TRAFFIC_CONTROL, one.text, why, (fix,), QUERIED, FIREWALL)
    return None


def queued(case: Case) -> Finding | None:
    """The queueing discipline of the device by which it should have left dropped it, or holds it."""
    for gap in (*gaps(case), *arp_gaps(case)):
        if gap.hook != EGRESS:
            continue
        for one in case.about(gap.place).answers.queueing.disciplines:
            if one.device == gap.device and one.stops:
                did = f"dropped {one.dropped} packets" if one.dropped else "holds packets back"
                why = f"The queue of {gap.device} in {gap.place} {did}: the {case.name} did not leave through it."
                evidence = KERNEL if one.dropped else QUERIED
                return Finding(gap.place, Cause.TRAFFIC_CONTROL, one.text.strip(), why, unqueued(one), evidence)
    return None


def unqueued(one: Discipline) -> tuple[str, ...]:
    """The command that takes it off its device."""
    words = one.text.split()
    parent = f"parent {words[words.index('parent') + 1]}" if "parent" in words else "root"
    return (f"tc qdisc del dev {one.device} {parent}",)
