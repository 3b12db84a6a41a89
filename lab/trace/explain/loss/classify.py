"""The table of what is looked for, in the order in which it is believed: what was reported, then what was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from lab.plan import quoting
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.counted import last_word
from lab.trace.explain.loss.ends import delivery, ipvs, resolver, services, stale
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.facts import Facts
from lab.trace.explain.loss.links import bridge, devices, late, netem, sizes, traffic, vxlan, wireguard
from lab.trace.explain.loss.onward import onward
from lab.trace.explain.loss.routes import (
    defaults,
    nobody,
    outside_client,
    rerouted,
    saved,
    sender,
    silence,
    ttl,
    twice,
    ways,
)
from lab.trace.explain.loss.rules import (
    drift,
    firewall,
    foreign_rules,
    ipsec,
    masquerading,
    nft_hooks,
    redirected,
    rewriting,
    tracked,
    translation,
)
from lab.trace.explain.loss.rules.left_behind import left_behind
from lab.trace.explain.loss.stopped import Stopped
from lab.trace.explain.passage import Passage
from lab.trace.journey import Hop, Loss, Mending

Row = Callable[[Case], Finding | None]

_OF_MACHINES: tuple[Row, ...] = (
    rerouted.policy_routed,
    ways.reverse_path,
    ways.source_refused,
    ways.forwarding_off,
    ways.misrouted,
    vxlan.other_mac,
    vxlan.wrong_entry,
    devices.foreign_neighbour,
)
"""Those that compare a place with its design, of which the author's files have a say."""


def of_the_author(case: Case) -> Finding | None:
    """A file that the topology names for the machine says otherwise than the lab's components would."""
    return saved.near(case, _OF_MACHINES)


def of_the_author_before(case: Case) -> Finding | None:
    """The same of places that it passed."""
    return saved.on_the_way(case, _OF_MACHINES)


ROWS: tuple[Row, ...] = (
    resolver.misled,
    ipvs.left_over,
    services.no_such_service,
    services.answers_no_ping,
    services.known_to_nodes_only,
    delivery.left_alone,
    redirected.redirected,
    translation.to_nobody,
    rewriting.rewritten,
    stale.left_behind,
    foreign_rules.spared,
    ipvs.differs,
    delivery.no_endpoints,
    delivery.no_endpoints_here,
    delivery.not_let_in,
    # It never went on: what a rule did to it there is only what followed.
    twice.same_mac,
    twice.taken_for_own,
    # What netfilter reported of this very packet.
    netem.lost_by_rule,
    firewall.stopped_by_rule,
    nft_hooks.unheard,
    outside_client.led_to_no_node,
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
    devices.no_loopback,
    devices.down,
    bridge.shut,
    vxlan.other_network,
    vxlan.unknown_network,
    wireguard.estranged,
    wireguard.forgotten,
    of_the_author,
    # What a counter tells; the setting behind it is asked for.
    ways.reverse_path,
    ways.source_refused,
    ways.forwarding_off,
    devices.address_missing,
    ipsec.refused,
    ttl.time_to_live,
    # Where the way is not the design's: no counter tells of these.
    ways.misrouted,
    rerouted.unconnected,
    vxlan.other_mac,
    vxlan.wrong_entry,
    devices.foreign_neighbour,
    netem.lost_in_queue,
    silence.mute,
    twice.wrong_mac,
    nft_hooks.no_arp,
    traffic.no_arp,
    silence.unanswered,
    ttl.circles,
    ttl.as_written,
    nobody.nobody_has_it,
    outside_client.behind_the_nodes,
    devices.silent_neighbour,
    tracked.no_free_port,
    foreign_rules.unmasked,
    # Where it vanished between two sightings.
    nft_hooks.at_a_device,
    traffic.queued,
    traffic.filtered,
    sizes.sent_whole,
    sizes.a_piece_alone,
    sizes.too_big,
    # What the other end said.
    foreign_rules.unproxied,
    delivery.nobody_listens,
    defaults.unusual,
    firewall.prohibited,
    foreign_rules.meddling,
    bridge.untranslated,
    of_the_author_before,
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
    Cause.LEFTOVERS,
    Cause.RULES_MISSING,
    Cause.COUNTED,
    Cause.UNKNOWN,
)

# Of a way that nothing was captured on, only what differs from the design can be said.
ONWARD: tuple[Row, ...] = (
    devices.down,
    ways.forwarding_off,
    devices.address_missing,
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
        finding = left_behind(case, firewall.led_to_own(case, finding))
    if finding is None:
        # Whatever else differs and can have touched it.
        finding = drift.drifted(case)
    if finding is None:
        if loss.cause != Cause.UNKNOWN:  # whoever refused it has said how
            return loss
        finding = last_word(case, loss)
    about = case.about(finding.place)
    own = (Mending(finding.place, line, saved.holding(about, line)) for line in finding.fix)
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
        fix=tuple(_typed((*own, *finding.elsewhere))),
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
