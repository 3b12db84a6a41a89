"""Why a Service's port leads to nobody, as its objects tell, and the kubectl commands that mend it."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.cluster.file.podchecks import READY
from lab.control.pods.unready import HELD_BACK
from lab.suggestion import nearest

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster, Pod, Service
    from lab.map.services import Endpoint

Heard = Mapping[str, Sequence[tuple[str, int]]]
"""On which ports the servers of a place listen, by protocol in small letters; a place with another program has none."""

LOCAL = "Local"


@dataclass(frozen=True, slots=True)
class Reason:
    """`why` is "" where nothing is known; `mends` are commands of kubectl, () where none is sure to mend it."""

    why: str = ""
    mends: tuple[str, ...] = ()


def reason(service: Service, number: int, there: Sequence[Endpoint], cluster: Cluster, heard: Heard) -> Reason:
    """Of the Service's port of that number in its list; `there` are the endpoints that it has."""
    if not there:
        return _empty(service, number, cluster, heard)
    if any(one.ready for one in there):
        return _unheard(service, number, [one for one in there if one.ready], heard)
    held = [one.pod for one in there if one.pod and one.why == HELD_BACK]
    return Reason(mends=_let_go(held))


def to_all(service: str, policy: str) -> str:
    """The command that has a Service's traffic go to pods of other nodes as well."""
    namespace, _, name = service.partition("/")
    return _patch(namespace, name, {"spec": {policy: "Cluster"}})


def _empty(service: Service, number: int, cluster: Cluster, heard: Heard) -> Reason:
    """Source: the endpoint slice controller leaves out whoever lacks a named port."""
    if not service.selector:
        return Reason("it has no selector, and no EndpointSlice says who serves it")
    wanted = set(service.selector)
    near = [pod for pod in cluster.pods if pod.namespace == service.namespace]
    mine = [pod for pod in near if wanted <= set(pod.labels)]
    if not mine:
        return _unselected(service, near)
    target = service.ports[number].target_port
    if isinstance(target, int):
        return Reason("its pods have no address yet")
    names = dict.fromkeys(port.name for pod in mine for port in pod.ports if port.name)
    have = f"they have {', '.join(f'`{name}`' for name in names)}" if names else "their ports have no names"
    why = f"the pods match; none has a port called `{target}`; {have}"
    return Reason(why, _retargeted(service, number, _meant(service, number, mine, heard)))


def _unselected(service: Service, near: Iterable[Pod]) -> Reason:
    """No pod is selected: which labels look most like the selector's."""
    keys = [key for key, _ in service.selector]
    labelled = [dict(pod.labels) for pod in near]
    groups = Counter(tuple(one[key] for key in keys) for one in labelled if one.keys() >= set(keys))
    by_text = {",".join(values): values for values in groups}
    asked = ",".join(value for _, value in service.selector)
    likely = by_text.get(nearest(asked, by_text)) or (next(iter(groups)) if len(groups) == 1 else None)
    said = f"no pod has the labels of its selector, {_labels(keys, [value for _, value in service.selector])}"
    if likely is None:
        return Reason(said)
    number = groups[likely]
    other = dict(zip(keys, likely, strict=True))
    mends = (_patch(service.namespace, service.name, {"spec": {"selector": other}}),)
    pods = "1 pod has" if number == 1 else f"{number} pods have"
    return Reason(f"{said}; {pods} {_labels(keys, likely)}", mends)


def _labels(keys: Iterable[str], values: Iterable[str]) -> str:
    return ",".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))


def _meant(service: Service, number: int, pods: Sequence[Pod], heard: Heard) -> int | str:
    """The only port that all of them have, by its name if it has one; 0 if there are several, or it is not known."""
    protocol = service.ports[number].protocol
    named = {tuple(one.name for one in pod.ports if one.protocol == protocol and one.name) for pod in pods}
    if len(named) == 1 and len(found := named.pop()) == 1:
        return found[0]
    declared = {tuple(one.port for one in pod.ports if one.protocol == protocol) for pod in pods}
    if declared == {()}:
        declared = {_ports(heard, pod.place, protocol) for pod in pods}
    return numbers[0] if len(declared) == 1 and len(numbers := declared.pop()) == 1 else 0


def _ports(heard: Heard, place: str, protocol: str) -> tuple[int, ...]:
    return tuple(port for kind, port in heard.get(place, ()) if kind == protocol.lower())


def _unheard(service: Service, number: int, ready: Sequence[Endpoint], heard: Heard) -> Reason:
    """Whether all who are ready listen elsewhere than where they are asked."""
    there = [_ports(heard, one.pod, service.ports[number].protocol) for one in ready]
    if not all(there) or any(one.port in ports for one, ports in zip(ready, there, strict=True)):
        return Reason()
    all_have = set(there[0]).intersection(*there)
    ports = sorted({port for one in there for port in one})
    why = f"nobody listens on its targetPort {ready[0].port}: its pods listen on {', '.join(map(str, ports))}"
    return Reason(why, _retargeted(service, number, all_have.pop() if len(all_have) == 1 else 0))


def _retargeted(service: Service, number: int, target: int | str) -> tuple[str, ...]:
    if not service.selector or not target:
        return ()
    path = f"/spec/ports/{number}/targetPort"
    change = [{"op": "replace", "path": path, "value": target}]
    return (_patch(service.namespace, service.name, change, " --type=json"),)


def _let_go(pods: Sequence[str]) -> tuple[str, ...]:
    if not pods:
        return ()
    namespace = pods[0].partition("/")[0]
    names = " ".join(pod.partition("/")[2] for pod in pods)
    return (f"kubectl annotate pods {names} -n {namespace} {READY}-",)


def _patch(namespace: str, name: str, change: object, kind: str = "") -> str:
    told = shlex.quote(json.dumps(change, separators=(",", ":")))
    return f"kubectl patch service {name} -n {namespace}{kind} -p {told}"
