"""The variables of a pod's program: what its manifest says, and what of the pod it refers to. Source: kubelet.

Those that come from ConfigMaps, Secrets and resources are not obeyed: `unobeyed` tells them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_REFERENCE = re.compile(r"\$\$|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable with its value, in which `$(OTHER)` stands for an earlier one, or the field of the pod that it has."""

    name: str
    value: str = ""
    field: str = ""


def variables(container: Mapping[str, Any]) -> tuple[Variable, ...]:
    """Those of a container's `env` that are said there, or are a field of the pod."""
    found = []
    given = container.get("env")
    for one in given if isinstance(given, list) else ():
        if not isinstance(one, Mapping) or not isinstance(one.get("name"), str) or "\0" in str(one.get("value")):
            continue  # the API refuses it, or no program can be given it
        source = one.get("valueFrom")
        if not source:
            found.append(Variable(one["name"], str(one.get("value") or "")))
        elif isinstance(source, Mapping) and isinstance(source.get("fieldRef"), Mapping):
            found.append(Variable(one["name"], field=str(source["fieldRef"].get("fieldPath") or "")))
    return tuple(found)


def environment(wanted: Iterable[Variable], fields: Mapping[str, str], usual: Mapping[str, str]) -> dict[str, str]:
    """Their values beside the usual ones, where the pod's fields are these."""
    found = dict(usual)
    for one in wanted:
        found[one.name] = fields.get(one.field, "") if one.field else expanded(one.value, found)
    return found


def expanded(text: str, known: Mapping[str, str]) -> str:
    """`$(NAME)` replaced by what NAME has; what nobody knows stays, and `$$` is a dollar sign."""

    def value(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else known.get(found[1], found[0])

    return _REFERENCE.sub(value, text)
