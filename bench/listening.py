"""When the nodes of a lab take in new rules, as their kernels say."""

from __future__ import annotations

import select
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import labs
from lab.errors import LabError

PATIENCE_SECONDS = 30.0


class Node:
    """One node's listener."""

    def __init__(self, place: str, process: subprocess.Popen[bytes]) -> None:
        self._place = place
        self._process = process

    def first(self, since: float) -> float:
        """When, in seconds since 1970, it first took in rules after that moment; LabError if it does not soon."""
        while line := self._line(PATIENCE_SECONDS):
            when = float(line)
            if when >= since:
                return when
        raise LabError(f"{self._place} took in no rules", "see what `./inv events` says of the lab")

    def begin(self) -> None:
        """Until it listens. LabError if it cannot."""
        if not self._line(PATIENCE_SECONDS):
            raise LabError(f"nobody listens in {self._place}", f"by hand: ./inv exec {self._place} -- nft monitor")

    def _line(self, seconds: float) -> bytes:
        """The next line; b"" when none comes."""
        assert self._process.stdout is not None
        polling = select.poll()
        polling.register(self._process.stdout, select.POLLIN)
        # Its lines are short and come one by one: what is readable is a whole line, and none waits in a buffer of ours.
        return self._process.stdout.readline() if polling.poll(seconds * 1000) else b""


@contextmanager
def listening(lab: str, places: Sequence[str]) -> Iterator[list[Node]]:
    """Listeners in these nodes of the lab, for the length of the block."""
    with ExitStack() as stack:
        nodes = [Node(place, stack.enter_context(_listener(lab, place))) for place in places]
        for node in nodes:
            node.begin()
        yield nodes


@contextmanager
def _listener(lab: str, place: str) -> Iterator[subprocess.Popen[bytes]]:
    script = Path(__file__).with_name("inside").joinpath("generations.py").read_text(encoding="utf-8")
    command = [*labs.command(), "exec", place, "--lab", lab, "--", "python3", "-S", "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:
        try:
            yield process
        finally:
            process.terminate()
