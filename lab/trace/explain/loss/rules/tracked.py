"""What connection tracking did: a flow that it remembers leads nowhere, or it had no free port for a new one."""

from __future__ import annotations

from collections.abc import Iterator

from lab.kernel.netlink.conntrack_entry import Event, Tuple
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.foreign import taken_out
from lab.trace.journey import DNS, KERNEL

REFUSALS = ("Conntrack.insert_failed", "Conntrack.drop", "Conntrack.early_drop")
_NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17}
REWRITING = ("SNAT", "MASQUERADE")


def stale_flow(case: Case) -> Finding | None:
    """The node that chose goes by an entry older than the request, to an address that is no endpoint any more."""
    service, port = case.passage.asked or (None, None)
    if service is None or port is None:
        return None
    exchange = case.passage.exchange
    endpoints = {one.address for one in port.endpoints if one.ready or one.leaving}
    for place in case.suspects:
        for entry in _remembered(case, place):
            asked, onward = entry.original, entry.onward
            is_asked = (asked.destination, asked.dport) == (exchange.destination, exchange.dport)
            if is_asked and onward.destination not in (asked.destination, *endpoints):
                return _of_flow(case, place, entry, service.full_name)
    return None


def _of_flow(case: Case, place: str, entry: Event, service: str) -> Finding:
    asked, target = entry.original, entry.onward.destination
    owner = case.labmap.owners.get(target)
    who = f"{owner[0].name} ({target})" if owner else f"{target}, which nobody has"
    name = "question" if case.passage.exchange.phase == DNS else "flow"
    why = (
        f"{place} remembers this {name} from before and sends it on to {who}: that is no endpoint of Service {service} "
        f"any more, but as long as port {asked.sport} asks again, no rule is looked at."
    )
    return Finding(place, Cause.STALE_FLOW, printed(entry), why, (_forgetting(asked),), KERNEL, "service")


def untranslated(case: Case, place: str, outside: str) -> Finding | None:
    """The place goes by an entry older than its rule that masquerades: the flow keeps its pod's address."""
    entry = next((one for one in _remembered(case, place) if not one.translates), None)
    if entry is None:
        return None
    asked = entry.original
    why = (
        f"{place} remembers this flow from before, when nothing masqueraded it, and lets it out with the pod's own "
        f"address {asked.source}, to which {outside} has no route. As long as port {asked.sport} asks again, no rule "
        f"is looked at."
    )
    return Finding(place, Cause.STALE_FLOW, printed(entry), why, (_forgetting(asked),), KERNEL, "route")


def _remembered(case: Case, place: str) -> Iterator[Event]:
    """What it knew of this very flow before the request came."""
    answers = case.about(place).answers
    begun = {one.number for one in answers.begun}
    return (one for one in answers.flows if one.number not in begun)


def _forgetting(asked: Tuple) -> str:
    return (
        f"conntrack -D -p {asked.protocol} -s {asked.source} -d {asked.destination} --sport {asked.sport} "
        f"--dport {asked.dport}"
    )


def printed(entry: Event) -> str:
    """As `conntrack -L` prints it, without its timer and state."""
    protocol = entry.original.protocol
    number = _NUMBERS.get(protocol, 0)
    return f"{protocol} {number} {_direction(entry.original)} {_direction(entry.reply)}"


def _direction(one: Tuple) -> str:
    return f"src={one.source} dst={one.destination} sport={one.sport} dport={one.dport}"


def no_free_port(case: Case) -> Finding | None:
    """Connection tracking refused the flow where a rule rewrote its source: no port was left for it."""
    for place in case.suspects:
        counted = case.about(place).counted
        grown = [f"{name.partition('.')[2]} +{counted.grew(name)}" for name in REFUSALS if counted.grew(name)]
        if not grown:
            continue
        decided = [one for hop in case.hops if hop.place == place for one in hop.decisions] + [
            one for stopped in case.stopped if stopped.place == place for one in stopped.decisions
        ]
        rule = next((one for one in reversed(decided) if one.verdict in REWRITING and one.chain), None)
        told = f"connection tracking of {place} refused it ({', '.join(grown)})"
        if rule is None:
            why = f"The {case.name} was dropped: {told}, as it does when its table is full or two flows clash."
            return Finding(place, Cause.NO_FREE_PORT, grown[0], why, (), KERNEL, "forward")
        why = (
            f"{place} has no free port for the {case.name}: {told}. All that its rule has are in use for that address."
        )
        return Finding(
            place, Cause.NO_FREE_PORT, rule.text, why, (), KERNEL, "forward", elsewhere=taken_out(case, place, rule)
        )
    return None
