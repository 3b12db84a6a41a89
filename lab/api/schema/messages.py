"""The tables, read: one line of a table is a message, one word of it a field.

    NAME: FIELD=NUMBER[:[?][][{}]TYPE[@KEY[/KEY…]][~][!]] …

Without a type the field is a string; a type that is no message, no basic one and none of SPECIAL is a string with a
name of its own. `?` may be absent as distinct from zero; `[]` a list; `{}` a map. `@KEY` a list that patches merge by
that field of its elements (the further keys count for server-side apply only), a bare `@` a list that is a set. `~` a
patch may say which fields stay. `!` server-side apply owns the whole of it. `*FIELD` stands in JSON as its own fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

BASIC = frozenset({"string", "int32", "int64", "bool", "bytes"})
SPECIAL = frozenset({"Time", "MicroTime", "Quantity", "IntOrString", "FieldsV1"})

Shape = Literal["one", "list", "map"]


@dataclass(frozen=True, slots=True)
class Field:
    """`type` is a message, a basic type or one of SPECIAL. `named` is the type's name in errors, `owner` that of the
    message that has the field.
    """

    name: str
    number: int
    type: str
    shape: Shape
    pointer: bool
    keys: tuple[str, ...]
    is_set: bool
    retains: bool
    atomic: bool
    inline: bool
    owner: str
    named: str
    is_message: bool

    @property
    def message(self) -> Message:
        """The message that it holds. KeyError for a field that holds none."""
        return message(self.type)

    @property
    def merge_key(self) -> str:
        """By which a strategic merge tells the elements of the list apart, or ""."""
        return self.keys[0] if self.keys else ""


@dataclass(frozen=True, slots=True)
class Message:
    """`fields` as JSON has them, by name; `by_number` as protobuf has them."""

    name: str
    fields: dict[str, Field]
    by_number: dict[int, Field]


@cache
def message(name: str) -> Message:
    """Raises KeyError for a name that no table has."""
    own = tuple(_fields(name, _lines()[name]))
    shown: dict[str, Field] = {}
    for field in own:
        shown |= message(field.type).fields if field.inline else {field.name: field}
    return Message(name, shown, {field.number: field for field in own})


_TYPE_META = ("apiVersion", "kind")


@cache
def root(kind: str) -> Message:
    """A kind's message with apiVersion and kind, which every object has beside its own fields."""
    own = message(kind)
    text = Field("", 0, "string", "one", False, (), False, False, False, False, "TypeMeta", "string", False)
    return replace(own, fields={name: replace(text, name=name) for name in _TYPE_META} | own.fields)


@cache
def _lines() -> dict[str, str]:
    """Each message's words. The tables are read when the first message is asked for, not when the program starts."""
    from lab.api.schema import (  # noqa: PLC0415 most runs need no table
        accounts,
        containers,
        meta,
        networking,
        nodes,
        pods,
        reviews,
        services,
        volumes,
        workloads,
    )

    lines: dict[str, str] = {}
    for table in (accounts, containers, meta, networking, nodes, pods, reviews, services, volumes, workloads):
        for line in table.TABLE.strip().replace("\n    ", " ").splitlines():
            name, _, words = line.partition(":")
            lines[name] = words
    return lines


def _fields(owner: str, words: str) -> Iterator[Field]:
    for word in words.split():
        name, _, rest = word.partition("=")
        number, _, told = rest.partition(":")
        pointer, told = told.startswith("?"), told.removeprefix("?")
        shape: Shape = "list" if told.startswith("[]") else "map" if told.startswith("{}") else "one"
        told = told if shape == "one" else told[2:]
        atomic, told = told.endswith("!"), told.removesuffix("!")
        retains, told = told.endswith("~"), told.removesuffix("~")
        told, merges, key = told.partition("@")
        told = told or "string"
        known = told in BASIC or told in SPECIAL or told in _lines()
        yield Field(
            name=name.removeprefix("*"),
            number=int(number),
            type=told if known else "string",
            shape=shape,
            pointer=pointer,
            keys=tuple(key.split("/")) if key else (),
            is_set=bool(merges) and not key,
            retains=retains,
            atomic=atomic,
            inline=name.startswith("*"),
            owner=owner.rpartition(".")[2],
            named=_named(told, shape),
            is_message=told in _lines(),
        )


_PREFIX = {"list": "[]", "map": "map[string]", "one": ""}


def _named(told: str, shape: Shape) -> str:
    """The type as Go writes it."""
    package = {"IntOrString": "intstr.", "Quantity": "resource."}.get(told, "v1.")
    bare = told.rpartition(".")[2] if told.startswith("discovery.") else told
    plain = bare in BASIC or "." in bare
    return _PREFIX[shape] + (("[]uint8" if bare == "bytes" else bare) if plain else package + bare)
