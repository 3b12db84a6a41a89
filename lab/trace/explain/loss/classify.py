"""The table of what is looked for, in the order in which it is believed: what was reported, then what was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from lab.plan import quoting
from lab.trace.journey import Hop, Loss, Mending
from lab.trace.loss import (
    balanced,
    bridge,
    defaults,
    delivery,
    drift,
    firewall,
    hooks,
    impaired,
    ipsec,
    late,
    lifetime,
    links,
    masquerading,
    nobody,
    outside,
    redirected,
    rerouted,
    resolver,
    rewriting,
    sender,
    services,
    silence,
    sizes,
    stale,
    strangers,
    tracked,
    traffic,
    translation,
    tunnel,
    twice,
    ways,
    wireguard,
)
from lab.trace.loss.case import Case, onward
from lab.trace.loss.cause import Cause, Finding
from lab.trace.loss.counted import last_word
from lab.trace.loss.facts import Facts
from lab.trace.loss.stopped import Stopped
from lab.trace.passage import Passage

Row = Callable[[Case], Finding | None]

ROWS: tuple[Row, ...] = (
    resolver.misled,
    balanced.left_over,
    services.no_such_service,
    services.answers_no_ping,
    services.known_to_nodes_only,
    delivery.left_alone,
    redirected.redirected,
    translation.to_nobody,
    rewriting.rewritten,
    stale.left_behind,
    strangers.spared,
    balanced.differs,
    delivery.no_endpoints,
    delivery.no_endpoints_here,
    delivery.not_let_in,
    # It never went on: what a rule did to it there is only what followed.
    twice.taken_for_own,
    # What netfilter reported of this very packet.
    impaired.lost_by_rule,
    firewall.stopped_by_rule,
    hooks.unheard,
    outside.led_to_no_node,
    # What the kernel would do with this very packet.
    tracked.stale_flow,
    twice.believed,
    sender.other_address,
    rerouted.martian,
    rerouted.policy_routed,
    rerouted.unruled,
    rerouted.shadowed,
    bridge.port,
    bridge.misdirected,
    bridge.unfiltered,
    # What cannot let anything through.
    links.no_loopback,
    links.down,
    bridge.shut,
    tunnel.other_network,
    wireguard.estranged,
    wireguard.forgotten,
    # What a counter tells; the setting behind it is asked for.
    ways.reverse_path,
    ways.source_refused,
    ways.forwarding_off,
    links.address_missing,
    ipsec.refused,
    lifetime.time_to_live,
    # Where the way is not the design's: no counter tells of these.
    ways.misrouted,
    rerouted.unconnected,
    tunnel.other_mac,
    tunnel.wrong_entry,
    links.foreign_neighbour,
    impaired.lost_in_queue,
    silence.mute,
    twice.wrong_mac,
    hooks.no_arp,
    traffic.no_arp,
    silence.unanswered,
    lifetime.circles,
    nobody.nobody_has_it,
    outside.behind_the_nodes,
    links.silent_neighbour,
    tracked.no_free_port,
    strangers.unmasked,
    # Where it vanished between two sightings.
    hooks.at_a_device,
    traffic.queued,
    traffic.filtered,
    sizes.too_big,
    # What the other end said.
    strangers.unproxied,
    delivery.nobody_listens,
    defaults.unusual,
    firewall.prohibited,
    strangers.meddling,
    bridge.untranslated,
    firewall.caught_by_own,
    late.came_late,
)

RULED = (  # what a rule does to a packet, or would not do if something else were right; and where nobody knows
    Cause.FIREWALL_DROP,
    Cause.FIREWALL_REJECT,
    Cause.POLICY_DROP,
    Cause.SOURCE_CHECK,
    Cause.SET_DIFFERS,
    Cause.QUEUE_UNHEARD,
    Cause.FOREIGN_RULE,
    Cause.RULES_MISSING,
    Cause.COUNTED,
    Cause.UNKNOWN,
)

# Of a way that nothing was captured on, only what differs from the design can be said.
ONWARD: tuple[Row, ...] = (
    links.down,
    ways.forwarding_off,
    links.address_missing,
    ways.misrouted,
    masquerading.not_masqueraded,
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
    if finding is not None:
        finding = firewall.led_to_own(case, finding)
    if finding is None:
        # Whatever else differs and can have touched it.
        finding = drift.drifted(case)
    if finding is None:
        if loss.cause != Cause.UNKNOWN:  # whoever refused it has said how
            return loss
        finding = last_word(case, loss)
    place = finding.ended or loss.place
    mine = finding.stage and place in (finding.place, finding.ended)
    seen = _behind_rules(case) if loss.stage == "firewall" and finding.cause not in RULED else loss.stage
    return replace(
        loss,
        place=place,
        direction=finding.direction or case.direction,
        stage=finding.stage if mine else seen,
        cause=str(finding.cause),
        object=finding.object,
        object_place=finding.place,
        why=finding.why,
        fix=tuple(_typed((*(Mending(finding.place, line) for line in finding.fix), *finding.elsewhere))),
        evidence=finding.evidence,
    )


def _typed(fix: Iterable[Mending]) -> Iterator[Mending]:
    """What people paste: whoever named a chain, a device or a set has no say in what their shell does."""
    for one in fix:
        if command := quoting.safe(one.command):
            yield replace(one, command=command)


def _behind_rules(case: Case) -> str:
    """The stage of a packet that came into a node, and that no rule ended there: what the node does with it next."""
    return "decapsulate" if case.last is not None and case.last.tunnel else "route"


def _first(rows: tuple[Row, ...], case: Case) -> Finding | None:
    return next((found for row in rows if (found := row(case)) is not None), None)
