"""The table of what is looked for, in the order in which it is believed: what was reported, then what was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lab.trace.journey import Hop, Loss, Mending
from lab.trace.loss import delivery, drift, firewall, links, services, sizes, translation, tunnel, ways
from lab.trace.loss.case import Case, Stopped, onward
from lab.trace.loss.cause import Finding
from lab.trace.loss.facts import Facts
from lab.trace.passage import Passage

Row = Callable[[Case], Finding | None]

ROWS: tuple[Row, ...] = (
    services.no_such_service,
    services.answers_no_ping,
    delivery.left_alone,
    translation.to_nobody,
    delivery.no_endpoints,
    delivery.no_endpoints_here,
    delivery.not_let_in,
    # What netfilter reported of this very packet.
    firewall.stopped_by_rule,
    # What cannot let anything through.
    links.down,
    tunnel.other_network,
    # What a counter tells; the setting behind it is asked for.
    ways.reverse_path,
    ways.forwarding_off,
    links.address_missing,
    # Where the way is not the design's: no counter tells of these.
    ways.misrouted,
    tunnel.wrong_entry,
    tunnel.other_mac,
    links.foreign_neighbour,
    links.silent_neighbour,
    delivery.not_masqueraded,
    sizes.too_big,
    # What the other end said.
    delivery.nobody_listens,
    firewall.prohibited,
)

# Of a way that nothing was captured on, only what differs from the design can be said.
ONWARD: tuple[Row, ...] = (
    links.down,
    ways.forwarding_off,
    links.address_missing,
    ways.misrouted,
    delivery.not_masqueraded,
    drift.drifted,
)


def explain(
    loss: Loss, passage: Passage, hops: tuple[Hop, ...], facts: Facts, stopped: tuple[Stopped, ...] = ()
) -> Loss:
    """The loss with its cause; as it was where no row of the table knows one.

    `hops` are those of the lost phase, with their decisions; `stopped` what netfilter ended where no hop shows it. A
    stage that a row does not name stays the last seen one.
    """
    case = Case(passage, hops, facts, stopped)
    finding = _first(ROWS, case)
    behind = onward(case) if finding is None else None
    if behind is not None:
        found = _first(ONWARD, behind)
        told = f"{behind.server} asks {behind.resolver} for names of the outside, and gets no answer."
        finding = replace(found, why=f"{told} {found.why}") if found else None
    if finding is None:
        # Whatever else differs and can have touched it.
        finding = drift.drifted(case)
    if finding is None:
        return loss
    place = finding.ended or loss.place
    mine = finding.stage and place in (finding.place, finding.ended)
    return replace(
        loss,
        place=place,
        direction=case.direction,
        stage=finding.stage if mine else loss.stage,
        cause=str(finding.cause),
        object=finding.object,
        object_place=finding.place,
        why=finding.why,
        fix=(*(Mending(finding.place, line) for line in finding.fix), *finding.elsewhere),
        evidence=finding.evidence,
    )


def _first(rows: tuple[Row, ...], case: Case) -> Finding | None:
    return next((found for row in rows if (found := row(case)) is not None), None)
