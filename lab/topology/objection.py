"""What cannot be right in a topology, and where."""

from __future__ import annotations

from typing import NamedTuple

from lab.topology.yaml.document import Path


class Objection(NamedTuple):
    """Something that cannot be right at `path`."""

    path: Path
    problem: str
    remedy: str
