"""Labs for other people's tests: the fixture `hoplab` brings a topology up, and down when the test is over.

pytest loads this module wherever Hoplab is installed, so it imports nothing of Hoplab before a test asks for a lab.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab.running.lab import RunningLab

_numbers = itertools.count()


@pytest.fixture
def hoplab() -> Iterator[Callable[..., RunningLab]]:
    """Makes labs: `hoplab("two-subnet")` is up when it returns, under a name of its own; all end with the test.

    The topology is a file or the name of one that comes with Hoplab; further arguments are settings, as for
    `up --set`: `hoplab("two-subnet", "cni.encapsulation=IPIP")`.
    """
    made: list[RunningLab] = []

    def make(topology: str = "two-subnet", *settings: str) -> RunningLab:
        from lab.agent.client import calls  # noqa: PLC0415
        from lab.agent.client.attachments import asked  # noqa: PLC0415
        from lab.running.lab import RunningLab  # noqa: PLC0415
        from lab.tasks import topologies  # noqa: PLC0415

        source = topologies.find(topology)
        one = RunningLab(f"pytest-{os.getpid()}-{next(_numbers)}")
        made.append(one)
        with calls.connect_or_start(one.name) as connected:
            asked(
                connected,
                "up",
                lambda _event: None,
                text=source.text,
                file=source.file,
                settings=list(settings),
                pid=os.getpid(),
            )
        return one

    try:
        yield make
    finally:
        for one in made:
            one.down()
