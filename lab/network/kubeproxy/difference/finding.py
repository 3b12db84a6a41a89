"""One difference between the rules that kube-proxy would make and those of a real node."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Kind = Literal["missing", "stale", "foreign"]
MANY = 3  # Services of which the same is said one by one; of more it is said once


class Finding(NamedTuple):
    """`missing`: it should be there. `stale`: kube-proxy's own work, but for other objects or options. `foreign`: its
    work for no objects whatever. `service` is a Service port as kube-proxy writes it, or "".
    """

    kind: Kind
    service: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: Service {self.service}: {self.text}" if self.service else f"{self.kind}: {self.text}"


class Compared(NamedTuple):
    """A line for each difference, and what is to be said of the comparison itself."""

    differences: list[str]
    notes: tuple[str, ...] = ()


def older(version: str, compared: str) -> str:
    """The note on a node whose kube-proxy lays out its rules otherwise."""
    return f"the rules have the form of kube-proxy {version}: {compared}"


def gathered(findings: Iterable[Finding]) -> list[str]:
    """A line for each finding; one line for what is the same in many Services. What is no Service's comes first."""
    alike: dict[tuple[Kind, str], list[str]] = {}
    ordered = sorted(dict.fromkeys(findings), key=lambda finding: finding.service)
    for finding in ordered:
        alike.setdefault((finding.kind, finding.text), []).append(finding.service)
    lines: dict[str, None] = {}
    for finding in ordered:
        services = alike[finding.kind, finding.text]
        if finding.service and len(services) > MANY:
            named = f"{', '.join(services[:MANY])} and {len(services) - MANY} more"
            lines[f"{finding.kind}: {len(services)} Service ports ({named}): {finding.text}"] = None
        else:
            lines[str(finding)] = None
    return list(lines)
