"""What is wrong: a cause and where it is, whom it affects, why, and what mends it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lab.doctor.errand import Errand
from lab.map.labmap import LabMap
from lab.map.services import ServicePort
from lab.network.kubeproxy.leftovers import NFT, SERVICES
from lab.network.kubeproxy.nftables.fixed import TABLE
from lab.trace.journey import INFERRED, QUERIED, Journey, Mending

DRIFT, NO_ENDPOINTS, STOPPED, LEFTOVERS = "drift", "no-endpoints", "component-stopped", "leftovers"
MOST_MENDS, MOST_NAMED = 40, 5
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """`affects` are requests in words, () where none was seen to fail of it. `object` is as its own tool prints it."""

    cause: str
    places: tuple[str, ...]
    object: str
    why: str
    affects: tuple[str, ...] = ()
    fix: tuple[Mending, ...] = ()
    evidence: str = QUERIED

    @property
    def key(self) -> tuple[str, ...]:
        """Two of the same are one that stays."""
        return (self.cause, self.object, *self.places)

    def to_json(self) -> dict[str, Any]:
        return {
            "cause": self.cause,
            "places": list(self.places),
            "object": self.object,
            "affects": list(self.affects),
            "why": self.why,
            "fix": [one.to_json() for one in self.fix],
            "evidence": self.evidence,
        }


def findings(
    failed: Sequence[tuple[Errand, Journey]], drift: Sequence[Json], labmap: LabMap, untraced: Iterable[Errand] = ()
) -> tuple[Finding, ...]:
    """Worst first: what most requests fail of, then what none does. `untraced` failed too, and nobody looked why."""
    found = [*_of_requests(failed, tuple(untraced)), *_of_services(labmap), *_of_components(labmap)]
    mended = {(one.place, _done(one.command)) for finding in found for one in finding.fix}
    return (*found, *_of_drift(drift, mended, {place for one in found for place in one.places}))


def _of_requests(failed: Sequence[tuple[Errand, Journey]], untraced: Sequence[Errand]) -> list[Finding]:
    """One for each cause that traces name, however many requests fail of it."""
    groups: dict[tuple[str, str, str], list[tuple[Errand, Journey]]] = {}
    for errand, journey in failed:
        lost = journey.lost
        key = (lost.object_place or lost.place, lost.cause, lost.object) if lost else ("", journey.verdict, "")
        groups.setdefault(key, []).append((errand, journey))
    made = []
    for (place, cause, what), members in groups.items():
        lost = members[0][1].lost
        affects = tuple(dict.fromkeys(one.words for one, _ in members))
        if lost is None:
            why = f"{members[0][0].words} ended {cause}, and nothing says why."
            made.append(Finding(cause, (members[0][0].source,), "", why, affects, (), INFERRED))
        else:
            made.append(Finding(cause, (place,), what, lost.why, affects, lost.fix, lost.evidence))
    made = _mended_by_one(made)
    made.sort(key=lambda one: -len(one.affects))
    if made and untraced:
        first = made[0]
        more = (*first.affects, *(one.words for one in untraced))
        made[0] = Finding(first.cause, first.places, first.object, first.why, more, first.fix, first.evidence)
    return made


def _mended_by_one(found: Sequence[Finding]) -> list[Finding]:
    """What one command on the cluster's objects mends is one finding, however many places it shows in."""
    made: dict[tuple[object, ...], Finding] = {}
    for one in found:
        is_of_objects = bool(one.fix) and not any(mending.place for mending in one.fix)
        key = (one.cause, one.fix) if is_of_objects else (one.key,)
        known = made.get(key)
        if known is None:
            made[key] = one
            continue
        places = tuple(dict.fromkeys((*known.places, *one.places)))
        made[key] = replace(known, places=places, affects=tuple(dict.fromkeys((*known.affects, *one.affects))))
    return list(made.values())


def _of_services(labmap: LabMap) -> Iterable[Finding]:
    """Services of which a port leads to nobody."""
    for service in labmap.services:
        empty = [port for port in service.ports if not port.preferred]
        if service.external_name or service.left_to or not empty:
            continue
        told = [port.why for port in empty] + [_unready(port) for port in empty]
        why = next(filter(None, told), "no endpoint is ready")
        ports = "" if len(empty) == len(service.ports) else f" port {', '.join(str(port.port) for port in empty)}"
        said = f"Nobody stands behind Service {service.full_name}{ports}: {why}."
        fix = tuple(Mending("", one) for one in dict.fromkeys(line for port in empty for line in port.mends))
        yield Finding(NO_ENDPOINTS, (), f"{service.full_name}{ports}", said, fix=fix, evidence=INFERRED)


def _unready(port: ServicePort) -> str:
    """How many are not ready, and why not."""
    reasons: dict[str, list[str]] = {}
    for end in port.endpoints:
        reasons.setdefault(end.why or "not ready", []).append(end.name)
    told = "; ".join(f"{_some(names)}: {why}" for why, names in reasons.items())
    pods = "its only pod is not" if len(port.endpoints) == 1 else f"none of its {len(port.endpoints)} pods is"
    return f"{pods} ready ({told})" if told else ""


def _some(names: Sequence[str]) -> str:
    return f"{', '.join(names[:MOST_NAMED])}{' …' if len(names) > MOST_NAMED else ''}"


def _of_components(labmap: LabMap) -> Iterable[Finding]:
    for stop in labmap.stopped:
        places = (stop.place,) if stop.place else ()
        yield Finding(STOPPED, places, stop.where, f"{stop.told}.", evidence=INFERRED)


def _of_drift(drift: Sequence[Json], mended: set[tuple[str, str]], named: set[str]) -> Iterable[Finding]:
    """Of each place what is otherwise than in the file, and is not mended by what was found before."""
    places: dict[str, list[Json]] = {}
    for one in drift:
        lines = [str(line) for line in one["mends"]]
        if lines and all((one["place"], _done(line)) in mended for line in lines):
            continue
        places.setdefault(one["place"], []).append(one)
    for place, found in places.items():
        if left := _left_behind(place, found):
            yield left
            found = [one for one in found if not set(map(str, one["mends"])) <= {line.command for line in left.fix}]  # noqa: PLW2901
        if not found:
            continue
        shown = [_shown(one) for one in found]
        lines = [*dict.fromkeys(str(line) for one in found for line in one["mends"])]
        fix = tuple(Mending(place, line) for line in lines[:MOST_MENDS])
        what = f"{len(found)} things of {place} are" if len(found) > 1 else f"{place} is"
        also = "; what was found above may be why" if place in named else ""
        why = f"{what} not as in the file{also}: {', '.join(shown[:3])}{' …' if len(shown) > 3 else ''}."
        yield Finding(DRIFT, (place,), shown[0], why, (), fix)


def _done(line: str) -> str:
    """What a command does: whether something is added or put in another's stead, it is there then."""
    words = line.split(" ", 3)
    adds = len(words) > 3 and words[0] == "ip" and words[2] in ("add", "change")
    return " ".join((words[0], words[1], "replace", words[3])) if adds else line


def _left_behind(place: str, found: Sequence[Json]) -> Finding | None:
    """What a kube-proxy of another mode has left, if this is that."""
    keys = {("nft-table", place, TABLE): NFT, ("chain", place, "nat", SERVICES): SERVICES}
    there = next((one for one in found if not one["wanted"] and tuple(one["key"]) in keys), None)
    if there is None:
        return None
    kinds = ("chain",) if there["key"][0] == "chain" else ("nft-table", "nft-set", "nft-chain")
    lines = dict.fromkeys(str(line) for one in found if one["key"][0] in kinds for line in one["mends"])
    what = keys[tuple(there["key"])]
    why = f"A kube-proxy of another mode has left {what} on {place}: what is for Services meets two sets of its rules."
    return Finding(LEFTOVERS, (place,), what, why, (), tuple(Mending(place, line) for line in lines))


def _shown(one: Json) -> str:
    """`route 10.244.0.128/26`, without the place."""
    kind, *rest = one["key"]
    words = " ".join([kind, *(part for part in rest if part != one["place"])])
    told = (*one["foreign"], *one["missing"])
    return f"{words}: {told[0]}" if told else words
