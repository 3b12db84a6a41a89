"""Which objects a request means: by their labels, and by those of their fields that the API lets be asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lab.api.errors import bad_request
from lab.api.resources import EVENTS, IPADDRESSES, NAMESPACES, NODES, PODS, REPLICASETS, SECRETS, SERVICES, Resource
from lab.api.versions import selectable

Json = dict[str, Any]

_SIGNS = {"=": "In", "==": "In", "!=": "NotIn", "in": "In", "notin": "NotIn", ">": "Gt", "<": "Lt"}
_KEY = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9.]{0,251}[A-Za-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"
_REQUIREMENT = re.compile(
    rf"\s*(?:(?P<absent>!)\s*)?(?P<key>{_KEY})\s*"
    rf"(?:(?P<sign>==|=|!=|>|<)\s*(?P<value>{_VALUE})|(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?\s*"
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on labels. `operator` is the API's word: In, NotIn, Exists, DoesNotExist, Gt, Lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value is not None and value in self.values
            case "NotIn":
                return value is None or value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
            case _:
                return _compares(self.operator, value, self.values[0])

    def __str__(self) -> str:
        match self.operator:
            case "In" if len(self.values) == 1:
                return f"{self.key}={self.values[0]}"
            case "In" | "NotIn":
                return f"{self.key} {self.operator.lower()} ({','.join(sorted(self.values))})"
            case "Exists":
                return self.key
            case "DoesNotExist":
                return f"!{self.key}"
            case _:
                return f"{self.key}{'>' if self.operator == 'Gt' else '<'}{self.values[0]}"


def _compares(operator: str, value: str | None, limit: str) -> bool:
    """Gt and Lt compare whole numbers; a value that is none matches neither."""
    if value is None or not re.fullmatch(r"-?[0-9]{1,18}", value):
        return False
    return int(value) > int(limit) if operator == "Gt" else int(value) < int(limit)


@dataclass(frozen=True, slots=True)
class Labels:
    """A label selector: every requirement must hold; without any, everything matches."""

    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Labels:
        """`a=b,c!=d,e in (f,g),h,!i`. ApiError 400."""
        return cls(tuple(_requirements(text)))

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> Labels:
        """Exactly these labels, as the selector of a Service has them."""
        return cls(tuple(Requirement(key, "In", (value,)) for key, value in sorted(labels.items())))

    @classmethod
    def from_json(cls, selector: Json | None) -> Labels | None:
        """A LabelSelector with matchLabels and matchExpressions. None, which matches nothing, for none."""
        if selector is None:
            return None
        expressions = tuple(
            Requirement(one["key"], one["operator"], tuple(one.get("values") or ()))
            for one in selector.get("matchExpressions") or ()
        )
        return cls(cls.of(selector.get("matchLabels") or {}).requirements + expressions)

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(requirement.holds(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(str(one) for one in sorted(self.requirements, key=lambda one: one.key))


def _requirements(text: str) -> Iterator[Requirement]:
    position = 0
    while text.strip() and position <= len(text):
        found = _REQUIREMENT.match(text, position)
        if not found or (found.end() < len(text) and text[found.end()] != ","):
            raise bad_request(f'unable to parse requirement: "{text[position:].strip()}" is not a label requirement')
        position = found.end() + 1
        key, sign = found["key"], found["sign"] or found["set"]
        if found["absent"]:
            if sign:
                raise bad_request(f'unable to parse requirement: "!{key}" takes no value')
            yield Requirement(key, "DoesNotExist")
        elif not sign:
            yield Requirement(key, "Exists")
        else:
            values = tuple(one.strip() for one in (found["values"] or "").split(",")) if found["set"] else None
            yield _valued(key, _SIGNS[sign], values if values is not None else (found["value"],))


def _valued(key: str, operator: str, values: tuple[str, ...]) -> Requirement:
    for value in values:
        if not re.fullmatch(_VALUE, value):
            raise bad_request(f'unable to parse requirement: values: "{value}" is not a label value')
        if operator in ("Gt", "Lt") and not re.fullmatch(r"[0-9]{1,18}", value):
            raise bad_request(f'unable to parse requirement: "{value}" must be an integer for {operator}')
    return Requirement(key, operator, values)


def _at(*path: str, default: str = "") -> Callable[[Json], str]:
    """What reads a field as text; booleans as Go writes them."""

    def read(item: Json) -> str:
        value: Any = item
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, bool):
            return "true" if value else "false"
        return default if value is None else str(value)

    return read


def _named(*paths: str, default: str = "") -> dict[str, Callable[[Json], str]]:
    return {path: _at(*path.split("."), default=default) for path in paths}


_EVERYWHERE = _named("metadata.name", "metadata.namespace")
_INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")

FIELDS: dict[Resource, dict[str, Callable[[Json], str]]] = {
    PODS: _named("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName")
    | _named("status.phase", "status.podIP", "status.nominatedNodeName")
    | _named("spec.hostNetwork", default="false"),
    EVENTS: _named("reason", "type", "reportingComponent", *(f"involvedObject.{field}" for field in _INVOLVED))
    | {"source": _at("source", "component")},
    NODES: _named("spec.unschedulable", default="false"),
    NAMESPACES: _named("status.phase"),
    SERVICES: _named("spec.clusterIP", "spec.type"),
    REPLICASETS: _named("status.replicas", default="0"),
    SECRETS: _named("type"),
    IPADDRESSES: _named(*(f"spec.parentRef.{part}" for part in ("group", "resource", "namespace", "name"))),
}
"""The fields that each kind can be asked for, beside its name and namespace."""

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_TERM = re.compile(r"((?:[^\\,=!]|\\.)*)(==|!=|=)((?:[^\\,=]|\\.)*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fields:
    """A field selector: of each term the way to read the field, whether it must be equal, and the value."""

    terms: tuple[tuple[Callable[[Json], str], bool, str], ...] = ()

    @classmethod
    def parse(cls, resource: Resource, text: str) -> Fields:
        """`a=b,c!=d`; commas, equals signs and backslashes in values stand behind a backslash. ApiError 400."""
        known = _EVERYWHERE | FIELDS.get(resource.stored, {})
        terms = []
        position = 0
        while text and position <= len(text):
            found = _TERM.match(text, position)
            if not found or (found.end() < len(text) and text[found.end()] != ","):
                raise bad_request(f"invalid selector: '{text}'; can't understand '{text[position:]}'")
            position = found.end() + 1
            key = found[1].strip()
            held = selectable(resource, key)
            if held not in known:
                raise bad_request(f"field label not supported: {key}")
            terms.append((known[held], found[2] != "!=", _ESCAPED.sub(r"\1", found[3])))
        return cls(tuple(terms))

    def matches(self, item: Json) -> bool:
        return all((read(item) == value) is equal for read, equal, value in self.terms)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a list, a watch or a deletion of many is about. `namespace` is "" for all."""

    namespace: str = ""
    labels: Labels = Labels()
    fields: Fields = Fields()

    @property
    def has_selectors(self) -> bool:
        return bool(self.labels.requirements or self.fields.terms)

    def matches(self, item: Json) -> bool:
        metadata = item["metadata"]
        if self.namespace and metadata.get("namespace") != self.namespace:
            return False
        return self.labels.matches(metadata.get("labels") or {}) and self.fields.matches(item)


EVERYTHING = Selection()
