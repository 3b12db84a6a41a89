"""What has changed in the API and is not followed yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.api.store import Change


@dataclass(slots=True)
class Waiting:
    """Changes that the kernel has not followed yet, and since when."""

    changes: list[Change] = field(default_factory=list)
    since: float = 0.0
