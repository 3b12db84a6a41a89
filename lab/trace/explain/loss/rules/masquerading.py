"""A request that left with an address to which nobody finds back: what should have given it another source."""

from __future__ import annotations

from dataclasses import replace

from lab.map.path import OUT
from lab.network.ipv4 import Prefix, number
from lab.network.objects import Chain, IpSet, NftChain, NftSet, NftTable
from lab.plan.drift import Drift
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.rules import drift, tracked
from lab.trace.explain.passage import FORWARDERS
from lab.trace.journey import CAPTURED, QUERIED, REQUEST

NAT = "nat"


def not_masqueraded(case: Case) -> Finding | None:
    """It left for where no pod's address is known, still with the pod's own address; or a hairpin kept it."""
    for place in masquerading(case):
        found = next((one for one in case.about(place).drifts if _masquerades(one)), None)
        if found is None:
            continue
        left = _leaving(case, place)
        told = drift.finding(case, found)
        source = left or _address(case)
        why = f"{place} lets it out with the address {source}, which nobody outside can answer: {_reason(told)}."
        if case.there.end == case.client:
            itself = "with its own address, which it takes from nobody else"
            why = f"{place} sends it back to {case.client} {itself}: {_reason(told)}."
        evidence = CAPTURED if left else QUERIED
        return replace(told, cause=Cause.MASQUERADE_MISSING, why=why, evidence=evidence, stage="route")
    return None


def unmasked(case: Case) -> Finding | None:
    """It left with the pod's own address, to which outside nobody knows the way back, and no rule is to blame: its pool
    is not masqueraded, as the topology wants it, or the flow is older than the rule that masquerades it.
    """
    client, end, last = case.place(case.client), case.place(case.there.end), case.last
    if case.direction == REQUEST or client is None or end is None or last is None:
        return None
    if client.kind != "pod" or end.kind != "internet" or _leaving(case, client.node) != client.address:
        return None
    back, way = case.place(last.place), case.about(last.place).routes(client.address)
    if back is None or back.kind not in FORWARDERS or way != (None, None):
        return None
    if not any(number(client.address) in Prefix.of(pool) for pool in case.labmap.unmasked):
        return tracked.untranslated(case, client.node, last.place)
    why = (
        f"{client.node} lets it out with the pod's own address {client.address}, for its pool is not masqueraded "
        f"(cni.natOutgoing is false), and {last.place} has no route back to it."
    )
    return Finding(client.node, Cause.MASQUERADE_MISSING, "natOutgoing: false", why, evidence=CAPTURED)


def _masquerades(one: Drift) -> bool:
    """Whether it differs in what decides about sources: rules of postrouting, and the sets that they ask."""
    item = one.wanted or one.held
    about = ("masq", "ipam-pools", "POSTR", "nat-outgoing", "POD", "KUBE-MARK", "hairpin")
    if isinstance(item, IpSet | Chain | NftSet | NftChain | NftTable):
        in_nat = one.table in ("", NAT) or one.table.startswith("ip ")
        return in_nat and any(word in text for word in about for text in (item.name, *one.missing, *one.foreign))
    return False


def _reason(told: Finding) -> str:
    return "no rule masquerades it" if "MASQUERADE" in told.object else told.object


def masquerading(case: Case) -> tuple[str, ...]:
    """The places that should rewrite the source of the request: the client's node, and the gateway to the outside."""
    end = case.place(case.there.end)
    if end is None or (end.kind == "pod" and end.name != case.client):
        return ()
    kinds = ("node", "gateway") if end.kind == "internet" else ("node",)
    return tuple(
        one
        for one in case.there.places
        if (found := case.place(one)) and found.kind in kinds and found.name != end.name
    )


def _leaving(case: Case, place: str) -> str:
    """The source with which the request was seen leaving a place; "" if it was not."""
    for part in case.asked:
        capture, packet = part.observation.capture, part.observation.packet
        if (capture.place, capture.way) == (place, OUT):
            return packet.src
    return ""


def _address(case: Case) -> str:
    client = case.place(case.client)
    return client.address if client else ""
