"""What a container's securityContext asks for of capabilities (core/v1: SecurityContext)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ALL = "ALL"


@dataclass(frozen=True, slots=True)
class Power:
    """Names without CAP_, in capitals; `ALL` for all, which is what a privileged container adds."""

    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def power(container: Mapping[str, Any]) -> Power:
    """That of a container as it is written; what is of the wrong type asks for nothing."""
    context = container.get("securityContext")
    if not isinstance(context, Mapping):
        return Power()
    told = context.get("capabilities")
    capabilities = told if isinstance(told, Mapping) else {}
    added, dropped = (_names(capabilities.get(name)) for name in ("add", "drop"))
    return Power((ALL,) if context.get("privileged") is True else added, dropped)


def _names(given: object) -> tuple[str, ...]:
    names = (one for one in given if isinstance(one, str)) if isinstance(given, list) else ()
    return tuple(name.upper().removeprefix("CAP_") for name in names)
