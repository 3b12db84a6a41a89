"""What containers ask of their node: quantities, the defaults among them, and the pod's quality of service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds.violations import invalid

Json = dict[str, Any]

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([eE][+-]?\d+|[KMGTPE]i|[numkMGTPE]?)")
_SUFFIXES = {suffix: Decimal(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)}
_SUFFIXES |= {suffix: Decimal(1000) ** power for power, suffix in enumerate("num kMGTPE", -3) if suffix != " "}
_SUFFIXES[""] = Decimal(1)

_WORDS = (
    "quantities must match the regular expression "
    r"'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)


def quantity(value: object) -> Decimal | None:
    """The number that a quantity such as `500m` or `1Gi` stands for; None for what is none."""
    found = _QUANTITY.fullmatch(str(value))
    if found is None or isinstance(value, bool):
        return None
    number, suffix = found.groups()
    try:
        if suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix[1] != "i":
            return Decimal(number + suffix)
        return Decimal(number) * _SUFFIXES[suffix]
    except InvalidOperation:
        return None


def complete_resources(told: Json) -> Json:
    """A limit without a request is also the request."""
    limits = told.get("limits")
    return {**told, "requests": {**limits, **(told.get("requests") or {})}} if limits else told


def resource_causes(field: str, told: Json) -> Iterator[Cause]:
    amounts: dict[str, dict[str, Decimal]] = {"limits": {}, "requests": {}}
    for part, found in amounts.items():
        for name, value in (told.get(part) or {}).items():
            amount = quantity(value)
            if amount is None:
                yield invalid(f"{field}.{part}[{name}]", value, _WORDS)
            elif amount < 0:
                yield invalid(f"{field}.{part}[{name}]", value, "must be greater than or equal to 0")
            else:
                found[name] = amount
    for name, amount in amounts["requests"].items():
        if amount > amounts["limits"].get(name, amount):
            asked, limit = told["requests"][name], told["limits"][name]
            words = f"must be less than or equal to {name} limit of {limit}"
            yield invalid(f"{field}.requests", asked, words)


def quality_of_service(spec: Json) -> str:
    """Guaranteed, Burstable or BestEffort, from the cpu and memory of all containers."""
    told = [
        container.get("resources") or {}
        for part in ("containers", "initContainers")
        for container in spec.get(part) or ()
    ]
    if not any(told):
        return "BestEffort"
    asked = [
        {name: value for name, value in (one.get(part) or {}).items() if name in ("cpu", "memory") and quantity(value)}
        for one in told
        for part in ("limits", "requests")
    ]
    if not any(asked):
        return "BestEffort"
    pairs = zip(asked[::2], asked[1::2], strict=True)
    guaranteed = all(
        len(limits) == 2 and all(quantity(requests.get(name)) == quantity(limit) for name, limit in limits.items())
        for limits, requests in pairs
    )
    return "Guaranteed" if guaranteed else "Burstable"
