"""Values, texts and objects that are nearly right, and such as are not right at all: drawn by a seed."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import yaml

from bench import ROOT
from lab.api.discovery.groups import prefix
from lab.api.resources import RESOURCES, Resource
from lab.api.schema.messages import Field, root

Json = dict[str, Any]

MARKS = "{}[]:,&*!|>'\"%@`#?- \t\n\r\0\x1b\u2028\ufeff\u202eé€aZ0~<"
WORDS = (
    "",
    "=",
    "é",
    "-1",
    "None",
    "10.0.0.1",
    "0.0.0.0/0",
    "namespace001",
    "node-0",
    "pod-0",
    "../x",
    ";rm",
    "x" * 300,
)
NUMBERS = (0, 1, -1, 65536, 2**31, 2**63, -(2**70), 1.5, 1e308)
TOPOLOGIES = tuple(file.read_text(encoding="utf-8") for file in sorted((ROOT / "topologies").glob("*.yaml")))
DEEPEST = 4
NAMING = (("apiVersion",), ("kind",), ("metadata",), ("metadata", "name"), ("metadata", "namespace"))
_INTEGERS = (0, 1, 80, 8080, 65535, -1, 2**31 - 1)
STRINGS = ("TCP", "ClusterIP", "IPv4", "a", "10.0.0.1", "10.244.0.9", "app", "built-in", "In", "")
# Values of the right type, by the types of lab.api.schema.
OF_TYPE: dict[str, tuple[Any, ...]] = {
    "bool": (True, False),
    "int32": _INTEGERS,
    "int64": _INTEGERS,
    "bytes": ("YQ==",),
    "Time": ("2026-05-04T10:00:00Z",),
    "MicroTime": ("2026-05-04T10:00:00.000000Z",),
    "Quantity": ("1", "100m", "1Gi"),
    "IntOrString": (80, "http", "25%"),
    "FieldsV1": ({},),
}


def text(chance: random.Random, longest: int = 40) -> str:
    """Any letters."""
    return "".join(chance.choice(MARKS) for _ in range(chance.randrange(longest)))


def value(chance: random.Random, depth: int = 2) -> Any:  # noqa: ANN401  anything that JSON has
    """Anything that JSON has."""
    kinds = 7 if depth else 5
    match chance.randrange(kinds):
        case 0:
            return chance.choice((None, True, False))
        case 1:
            return chance.choice(NUMBERS)
        case 2:
            return text(chance)
        case 3 | 4:
            return chance.choice(WORDS)
        case 5:
            return [value(chance, depth - 1) for _ in range(chance.randrange(4))]
        case _:
            return {text(chance, 8): value(chance, depth - 1) for _ in range(chance.randrange(4))}


def places(inner: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    """The paths of all values inside."""
    items = inner.items() if isinstance(inner, dict) else enumerate(inner) if isinstance(inner, list) else ()
    return [place for key, item in items for place in [(*at, key), *places(item, (*at, key))]]


def spoiled(item: Any, chance: random.Random) -> Any:  # noqa: ANN401
    """The same with a value, seldom up to three, replaced, taken away, or put where it does not belong."""
    made = copy.deepcopy(item)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        found = [at for at in places(made) if at not in NAMING or chance.random() < 0.1]
        if not found:
            return made
        *way, last = chance.choice(found)
        holder = made
        for key in way:
            holder = holder[key]
        if isinstance(holder, dict) and chance.random() < 0.3:
            del holder[last]
        elif isinstance(holder, dict) and chance.random() < 0.2:
            holder[text(chance, 8)] = value(chance)
        else:
            holder[last] = value(chance)
    return made


def topology(chance: random.Random) -> str:
    """A shipped one with letters cut out, put in and moved, or with other values in it; seldom no topology at all."""
    given = chance.choice(TOPOLOGIES)
    if chance.random() < 0.1:
        return text(chance, 300)
    if chance.random() < 0.5:
        documents = spoiled(list(yaml.safe_load_all(given)), chance)
        return str(yaml.safe_dump_all(documents, allow_unicode=True))
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(given))
        given = given[:start] + text(chance, 6) + given[start + chance.randrange(30) :]
    return given


def manifest(chance: random.Random) -> str:
    """One to three objects of any kind, most of them spoiled."""
    documents = []
    for _ in range(chance.randint(1, 3)):
        made = sample(chance.choice(RESOURCES), chance)
        documents.append(spoiled(made, chance) if chance.random() < 0.8 else made)
    return str(yaml.safe_dump_all(documents, allow_unicode=True))


def sample(kind: Resource, chance: random.Random) -> Json:
    """An object of that kind, with fields by its schema: all of the right type, few of them meant."""
    metadata: Json = {"name": f"a{chance.randrange(20)}", "labels": {"app": "attack"}}
    if kind.namespaced:
        metadata["namespace"] = "default"
    own = {
        name: _of(field, chance, DEEPEST)
        for name, field in root(kind.message).fields.items()
        if name not in ("apiVersion", "kind", "metadata") and chance.random() < 0.7
    }
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **own}


def _of(field: Field, chance: random.Random, depth: int) -> Any:  # noqa: ANN401
    if field.shape == "list":
        return [_one(field, chance, depth) for _ in range(chance.randrange(3))]
    if field.shape == "map":
        return {f"k{i}": _one(field, chance, depth) for i in range(chance.randrange(3))}
    return _one(field, chance, depth)


def _one(field: Field, chance: random.Random, depth: int) -> Any:  # noqa: ANN401
    if chance.random() < 0.02:
        return value(chance)
    if field.is_message:
        inner = field.message.fields.items() if depth else ()
        return {name: _of(one, chance, depth - 1) for name, one in inner if chance.random() < 0.4}
    return chance.choice(OF_TYPE.get(field.type, STRINGS))


def path_of(kind: Resource, namespace: str = "default") -> str:
    """Where objects of that kind are served, in that namespace."""
    return f"{prefix(kind)}/{f'namespaces/{namespace}/' if kind.namespaced else ''}{kind.plural}"


def body(item: Any, chance: random.Random) -> bytes:  # noqa: ANN401
    """As JSON; now and then cut off, with a letter changed, or with bytes that are no text."""
    made = bytearray(json.dumps(item).encode())
    if chance.random() < 0.05 and made:
        del made[chance.randrange(len(made)) :]
    if chance.random() < 0.05 and made:
        made[chance.randrange(len(made))] = chance.randrange(256)
    return bytes(made)


def a_file(folder: Path, given: str, chance: random.Random) -> str:
    """The path of a new file with that text, in bytes that are seldom no UTF-8."""
    file = folder / f"{chance.randrange(10**9)}.yaml"
    file.write_bytes(given.encode(errors="replace") + (b"\xff" if chance.random() < 0.02 else b""))
    return str(file)
