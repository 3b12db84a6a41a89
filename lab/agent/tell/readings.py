"""What commands are shown of a lab: its map, what it should hold, what rules are for, what differs from the design.

Everything here runs in the agent's writer thread, so that it is the whole truth; it is imported when somebody asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lab.agent.design.blueprint import Design
from lab.agent.lab import Lab
from lab.agent.protocol import Encoded, Message
from lab.agent.tell.kept_map import KeptMap, MapFacts
from lab.errors import UsageError
from lab.map.survey import lab_map
from lab.network.components import Stop
from lab.network.kubeproxy.nftables.drawn import choice
from lab.network.objects import Chain, Namespace, Network, NftChain, NftSet
from lab.network.objects.plain import to_plain
from lab.network.place_names import UNDERLAY
from lab.network.underlay.netem import impaired
from lab.network.underlay.subnets import namespaces
from lab.plan import plan
from lab.plan.drift import drifts
from lab.plan.script import script
from lab.plan.summary import summary
from lab.suggestion import did_you_mean

if TYPE_CHECKING:
    from lab.faults.fault import Placed

MOST_NAMED = 12
OURS = "the cluster's own"


def planned(lab: Lab, wanted: Design) -> Message:
    """What bringing the kernel to that design would do, as a script, and how many steps that is."""
    steps = lab.comparison.steps_to(wanted.held)
    return {"script": script(steps), "steps": len(steps)}


def told_map(lab: Lab, kept: KeptMap, unready: Mapping[str, str], stopped: tuple[Stop, ...]) -> Encoded:
    """The lab's map as JSON."""

    def make(facts: MapFacts) -> Message:
        it = facts.design
        made = lab_map(it.topology, it.cluster, it.addresses, it.network, lab.name, facts.unready)
        there = (one for one, _ in impaired(it.topology, it.impairments) if made.has_device(one.place, one.device))
        return replace(made, stopped=facts.stopped, impaired=tuple(there)).to_json()

    return kept.told(MapFacts(lab.standing(), unready, stopped), make)


def objects(lab: Lab, places: Sequence[str], kinds: Sequence[str]) -> Any:  # noqa: ANN401
    """What these places should hold, as JSON: their objects of these kinds, in the design's order."""
    return to_plain(lab.standing().network.only(frozenset(places)), kinds)


def differences(lab: Lab, places: Sequence[str]) -> list[Message]:
    """What these places hold that the design has not, or lack, each with the lines that mend it: `Drift` as JSON."""
    return [
        {
            "place": one.place,
            "key": list(one.key),
            "wanted": to_plain([one.wanted]) if one.wanted else [],
            "held": to_plain([one.held]) if one.held else [],
            "mends": list(one.mends),
            "table": one.table,
            "missing": list(one.missing),
            "foreign": list(one.foreign),
        }
        for one in drifts(lab.comparison.differences(lab.standing().network, frozenset(places)))
    ]


def intents(lab: Lab, rules: Sequence[Sequence[str]]) -> list[str]:
    """What each rule is there for: given as place, table, chain and text, without a text the chain itself.

    A table of nft's own is written `ip kube-proxy`, and of its maps `@name` and a key tell what the element is for.
    Of a rule with what it chose behind it (`with_choice`) that is told.
    "" where the design has no such rule.
    """
    network = lab.standing().network
    return [_intent(network, *rule) for rule in rules]


def place(lab: Lab, name: str, finished: Mapping[str, str]) -> str:
    """The full name of the place that is meant: a pod may be named without its namespace where only one has it.
    `finished` are pods that have no place any more, with the reason.
    """
    places = (UNDERLAY, *lab.standing().places)
    if name in places:
        return name
    pods = [place for place in places if place.rpartition("/")[2] == name]
    if len(pods) > 1:
        raise UsageError(f"{name!r} is the name of several pods", f"one of: {', '.join(pods)}")
    for pod, reason in finished.items() if not pods else ():
        if name in (pod, pod.rpartition("/")[2]):
            raise UsageError(
                f"pod {pod} has ended for good: {reason}",
                "`./inv get events` tells why; `./inv up` with the lab's file makes an evicted one anew",
            )
    if not pods:
        known = (*places, *(place.rpartition("/")[2] for place in places))
        raise UsageError(
            f"there is no place {name!r} in lab {lab.name!r}", did_you_mean(name, known, f"one of: {_some(places)}")
        )
    return pods[0]


def status(lab: Lab) -> Message:
    """The lab at a glance. Nothing is designed for it: it is answered at once, whatever else is going on."""
    it = lab.standing()
    kinds = [item.kind for item in namespaces(it.topology) if isinstance(item, Namespace)]
    kinds += ["pod"] * len(it.cluster.pods)
    return {
        "lab": lab.name,
        "file": it.file,
        "started": lab.began,
        "places": {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
        "services": len(it.cluster.services),
        "cni": it.topology.spec.cni.plugin,
        "encapsulation": it.topology.spec.cni.encapsulation,
    }


def expectations(lab: Lab) -> list[Message]:
    """What the author of the lab's file expects of requests: `Expectation` as JSON."""
    return [one.to_json() for one in lab.standing().topology.spec.expect]


def drift(lab: Lab, faults: tuple[Placed, ...] = ()) -> list[dict[str, str]]:
    """What of the kernel's state is not as it should be, and is none of these faults. `from` is `file` where that is
    what the file says of it: `up` keeps it.
    """
    standing = lab.standing()
    network = standing.with_faults(faults)
    everything = lab.comparison.everything(standing.held)
    found = summary(plan(network, everything))
    if not standing.topology.spec.drift:
        return found
    further = plan(standing.held, everything).keys
    by_file = summary(plan(network, everything).without(further))
    return [{**one, "from": "file"} if one in by_file else one for one in found]


def _intent(network: Network, place: str, table: str, name: str, text: str) -> str:
    if name.startswith("@"):
        kept = network.by_key.get(("nft-map", place, table.removeprefix("ip "), name[1:]))
        elements = kept.elements if isinstance(kept, NftSet) else ()
        return next((one.intent for one in elements if one.key == text), "")
    key = ("nft-chain", place, table[3:], name) if table.startswith("ip ") else ("chain", place, table, name)
    chain = network.by_key.get(key)
    if not isinstance(chain, Chain | NftChain):
        return ""
    if not text:
        return chain.intent
    told, number = choice(text) or (text, -1)
    rule = next((one for one in chain.rules if one.text == told), None)
    if rule is None:
        return ""
    if 0 <= number < len(rule.choices):
        return rule.choices[number]
    # A rule that is for nothing in particular is still the design's: "" says that it is not.
    return rule.intent or chain.intent or OURS


def _some(places: Sequence[str]) -> str:
    return ", ".join(places) if len(places) <= MOST_NAMED else f"{', '.join(places[:MOST_NAMED])} …"
