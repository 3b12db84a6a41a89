"""What of a pod's manifest means something to the network in a cluster, and is not obeyed here: one table.

It is asked of plain JSON, as it stands in a file or in the API, and told at `up`, `apply` and `validate`, by an Event
of the pod, and by a trace from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

from lab.topology.yaml.document import Path, field_path

Json = Mapping[str, Any]

REASON = "FieldNotObeyed"
"""Of the Event that tells it."""

_EACH, _OTHERS = "*", "1:"
_FIRST: Path = ("spec", "containers", 0)


@dataclass(frozen=True, slots=True)
class Unobeyed:
    """A field that a pod has: where it stands in its object, and what follows from it there and here."""

    path: Path
    meaning: str
    instead: str

    def below(self, at: Path) -> Unobeyed:
        """The same of a template that stands there in its object."""
        return Unobeyed((*at, *self.path), self.meaning, self.instead) if at else self

    def __str__(self) -> str:
        return f"{field_path(self.path)}: {self.meaning}; here {self.instead}"


def _always(_: Json) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _Field:
    """A row: `path` may have `*` for every item of a list and `1:` for all but the first. `counts` is asked whether it
    means anything in this pod.
    """

    path: Path
    meaning: str
    instead: str
    counts: Callable[[Json], bool] = _always


def _has_no_command(pod: Json) -> bool:
    return not pod["spec"]["containers"][0].get("command")


def _has_own_network(pod: Json) -> bool:
    return not pod["spec"].get("hostNetwork")


_NOT_RUN = "it does not run"
_VARIABLE = "the program does not get the variable"
_BANDWIDTH = "the bandwidth plugin limits the pod"
_FIELDS = (
    _Field(
        ("spec", "containers", _OTHERS),
        "a further container runs in the pod's network, beside the first",
        "only the first container's program runs",
    ),
    _Field(
        ("spec", "initContainers", _EACH),
        "it runs before the others, and what it does to the pod's network (a mesh's rules, say) stays",
        _NOT_RUN,
    ),
    _Field(
        (*_FIRST, "args"),
        "the image's own program gets these arguments",
        "the built-in server runs, which takes none: give a command",
        _has_no_command,
    ),
    _Field(
        ("spec", "hostNetwork"),
        "the pod has its node's interfaces, address and ports",
        "it has a network and an address of its own",
    ),
    _Field(
        ("spec", "containers", _EACH, "ports", _EACH, "hostPort"),
        "the pod's node answers on this port as well",
        "the pod alone does: a NodePort Service opens a port of nodes",
        _has_own_network,
    ),
    *(
        _Field((*_FIRST, "env", _EACH, "valueFrom", source), f"the variable comes from a {what}", _VARIABLE)
        for source, what in (
            ("configMapKeyRef", "ConfigMap"),
            ("secretKeyRef", "Secret"),
            ("resourceFieldRef", "container's resources"),
            ("fileKeyRef", "file"),
        )
    ),
    _Field((*_FIRST, "envFrom"), "all of a ConfigMap or Secret are variables", "the program gets none of them"),
    *(
        _Field((*_FIRST, "lifecycle", hook, how), f"it runs {when}", _NOT_RUN)
        for hook, when in (
            ("postStart", "when the container has started"),
            ("preStop", "before the program is asked to end, while endpoints go away"),
        )
        for how in ("exec", "httpGet")
    ),
    _Field(
        ("spec", "securityContext", "sysctls", _EACH),
        "a setting of the pod's own network",
        "it is not set: `exec POD -- sysctl -w` sets it",
    ),
    _Field(
        ("spec", "readinessGates", _EACH),
        "the pod is ready only when this condition is true as well",
        "its containers alone decide",
    ),
    _Field(("spec", "affinity"), "it decides which nodes the pod may be on", "the node with the fewest pods is taken"),
    _Field(
        ("spec", "topologySpreadConstraints"),
        "they spread pods over nodes and zones",
        "the node with the fewest pods is taken",
    ),
    *(
        _Field(("metadata", "annotations", name), meaning, instead)
        for name, meaning, instead in (
            ("kubernetes.io/ingress-bandwidth", _BANDWIDTH, "nothing does"),
            ("kubernetes.io/egress-bandwidth", _BANDWIDTH, "nothing does"),
            ("k8s.v1.cni.cncf.io/networks", "Multus gives the pod further interfaces", "it has eth0 alone"),
            ("cni.projectcalico.org/ipAddrs", "Calico gives the pod this address", "it gets the next free one"),
            ("cni.projectcalico.org/floatingIPs", "the pod's node answers for these addresses", "nobody does"),
        )
    ),
)


def unobeyed(pod: Json) -> Iterator[Unobeyed]:
    """The fields that this pod has, or the template of pods; nothing for one without containers."""
    spec = pod.get("spec")
    if not isinstance(spec, Mapping) or not spec.get("containers"):
        return
    found = ((row, path) for row, path in _found(pod, _TREE, ()) if _FIELDS[row].counts(pod))
    for row, path in sorted(found, key=lambda one: one[0]):
        yield Unobeyed(path, _FIELDS[row].meaning, _FIELDS[row].instead)


def pod_of(kind: str, item: Json) -> tuple[Path, Json]:
    """Where a pod, or the template of pods, stands in an object of this kind, and what it says; nothing for others."""
    if kind == "Pod":
        return (), item
    template = (item.get("spec") or {}).get("template") if isinstance(item.get("spec"), Mapping) else None
    return (("spec", "template"), template) if isinstance(template, Mapping) else ((), {})


def warnings(kind: str, item: Json) -> list[str]:
    """What of an object of this kind is not obeyed, a sentence for each field."""
    at, pod = pod_of(kind, item)
    return [str(one.below(at)) for one in unobeyed(pod)]


@dataclass(slots=True)
class _Branch:
    """The rows' paths as a tree, so that a pod that has none of these fields is soon told to: `row` ends here."""

    row: int | None = None
    parts: dict[str | int, _Branch] = dataclass_field(default_factory=dict)


def _grown() -> _Branch:
    root = _Branch()
    for row, field in enumerate(_FIELDS):
        branch = root
        for part in field.path:
            branch = branch.parts.setdefault(part, _Branch())
        branch.row = row
    return root


_TREE = _grown()


def _found(value: object, branch: _Branch, before: Path) -> Iterator[tuple[int, Path]]:
    """The rows whose paths lead to something, with the very path."""
    if branch.row is not None:
        if value:
            yield branch.row, before
    elif isinstance(value, Mapping):
        for part in branch.parts.keys() & value.keys():
            yield from _found(value[part], branch.parts[part], (*before, part))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            for part in (_EACH, _OTHERS if index else 0):
                if part in branch.parts:
                    yield from _found(item, branch.parts[part], (*before, index))
