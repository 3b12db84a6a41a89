"""One column of a table, and what several kinds write into theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Cells = Callable[[Json, str], list[Any]]
"""An object and the time now, to a value per column."""

NONE = "<none>"
UNSET = "<unset>"
SHOWN = 3  # of a list of addresses or ports


@dataclass(frozen=True, slots=True)
class Column:
    """`priority` 1 shows with `-o wide` only."""

    name: str
    type: str
    format: str
    description: str
    priority: int

    def definition(self) -> Json:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        }


def text(name: str, description: str) -> Column:
    return Column(name, "string", "", description, 0)


def number(name: str, description: str) -> Column:
    return Column(name, "integer", "", description, 0)


def wide(name: str, description: str) -> Column:
    return Column(name, "string", "", description, 1)


NAME = Column("Name", "string", "name", "The object's name, which no other of its kind and namespace has.", 0)
AGE = text("Age", "How long ago the object was made.")


def listed(values: Sequence[str], count: int, empty: str) -> str:
    """The first of them; `count` is how many there are."""
    if count > SHOWN:
        return f"{','.join(values[:SHOWN])} + {count - SHOWN} more..."
    return ",".join(values) or empty


def pairs(labels: Mapping[str, str] | None) -> str:
    """Labels by key."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def selected(selector: Json | None) -> str:
    """A label selector in one line."""
    told = [(key, f"{key}={value}") for key, value in ((selector or {}).get("matchLabels") or {}).items()]
    for one in (selector or {}).get("matchExpressions") or ():
        key, values = one.get("key", ""), ",".join(sorted(one.get("values") or ()))
        words = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        told.append((key, words.get(one.get("operator"), key)))
    return ",".join(word for _, word in sorted(told)) or NONE


def condition(status: Json, kind: str) -> Json | None:
    """The condition of that type."""
    return next((one for one in status.get("conditions") or () if one.get("type") == kind), None)


def holds(status: Json, kind: str) -> bool:
    found = condition(status, kind)
    return found is not None and found.get("status") == "True"
