"""Places and Services as people call them: by a kind and a name, with or without a namespace."""

from __future__ import annotations

from lab.errors import UsageError
from lab.map.labmap import LabMap
from lab.map.place import Place
from lab.map.services import Service
from lab.network.place_names import UNDERLAY
from lab.suggestion import did_you_mean
from lab.trace.ask.typed import DEPLOYMENT, NODE, POD, SERVICE, Typed, is_address, take_apart


def asker(labmap: LabMap, text: str) -> Place:
    """The place that asks: any but the wires under the lab. UsageError for what is none."""
    typed = take_apart(text)
    if typed.port is not None or typed.kind == SERVICE:
        raise UsageError(f"--from {text}: who asks is a place, not a Service or a port", "`./inv inspect` lists them")
    place = place_called(labmap, None, typed) if typed.kind else labmap.find(typed.host)
    if place.kind == UNDERLAY:
        raise UsageError(f"{place.name} is the wires below the lab, and asks nothing", "`./inv inspect` lists places")
    return place


def service_called(labmap: LabMap, source: Place, name: str) -> Service:
    """The Service of that name, with or without its namespace; in the asker's own one first. UsageError."""
    short, _, rest = name.partition(".")
    namespace = rest.partition(".")[0] or namespace_of(source)
    named = [one for one in labmap.services if one.name == short]
    found = [one for one in named if one.namespace == namespace] or ([] if rest else named)
    if len(found) == 1:
        return found[0]
    if found:
        choice = " or ".join(f"svc/{one.name}.{one.namespace}" for one in found)
        raise UsageError(f"{name!r} is the name of several Services", f"say {choice}")
    known = [one.name for one in labmap.services] + [f"{one.name}.{one.namespace}" for one in labmap.services]
    told = did_you_mean(name, known, "`./inv get services` lists them")
    raise UsageError(f"lab {labmap.lab!r} has no Service {name!r}", told)


def place_called(labmap: LabMap, source: Place | None, typed: Typed) -> Place:
    """The place that a kind and a name mean; of a Deployment its first ready pod, as kubectl takes one. UsageError."""
    if typed.kind in (SERVICE, NODE) or is_address(typed.host):
        place = labmap.find(typed.host)
        if typed.kind in (NODE, POD) and place.kind != typed.kind:
            raise UsageError(f"{typed.host} is no {typed.kind}", "`./inv inspect` lists the places")
        return place
    namespace, slash, name = typed.host.rpartition("/")
    if not slash:
        name, _, namespace = typed.host.partition(".")
    namespace = namespace or (namespace_of(source) if source and source.kind == POD else "")
    if typed.kind == POD:
        return labmap.by_name.get(f"{namespace}/{name}") or labmap.find(typed.host if slash else name)
    mine = _of_deployment(labmap, namespace, name)
    return next((one for one in mine if one.ready), mine[0])


def places_called(labmap: LabMap, text: str) -> frozenset[str]:
    """The names of the places that are meant: one, or all pods of `deploy/NAME`. UsageError for none."""
    typed = take_apart(text)
    if typed.kind == DEPLOYMENT:
        namespace, _, name = typed.host.rpartition("/")
        return frozenset(one.name for one in _of_deployment(labmap, namespace, name))
    place = place_called(labmap, None, typed) if typed.kind else labmap.find(text)
    return frozenset((place.name,))


def _of_deployment(labmap: LabMap, namespace: str, name: str) -> list[Place]:
    """Its pods, at least one; without a namespace, of the only one that has such a Deployment. UsageError."""
    owned = [one for one in labmap.of_kind(POD) if one.deployment == name]
    mine = [one for one in owned if namespace_of(one) == namespace] or owned
    if not mine:
        known = dict.fromkeys(one.deployment for one in labmap.of_kind(POD) if one.deployment)
        told = did_you_mean(name, known, "`./inv get deployments` lists them")
        raise UsageError(f"lab {labmap.lab!r} has no pod of a Deployment {name!r}", told)
    if len({namespace_of(one) for one in mine}) > 1:
        choice = " or ".join(dict.fromkeys(f"deploy/{namespace_of(one)}/{name}" for one in mine))
        raise UsageError(f"{name!r} is the name of several Deployments", f"say {choice}")
    return mine


def namespace_of(place: Place) -> str:
    return place.name.partition("/")[0]
