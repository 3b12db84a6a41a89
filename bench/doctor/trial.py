"""One case from beginning to end, on a real lab: broken, looked at, mended, cleared, and looked at again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import ROOT
from bench.doctor.case import Case
from bench.doctor.verdict import Outcome, Said, said
from bench.labs import ended
from bench.losses.configuration import Configuration
from lab.agent.client import calls
from lab.errors import HoplabError
from lab.tasks.doctor import FOUND, MOST_MENDED
from lab.trace.repair import mend

HEALTHY = 0
AT_ONCE = {"after": 0.0, "lasting": 0.0, "flapping": 0.0}
LOOK_SECONDS, SETTLED_SECONDS, EVERY_SECONDS = 180.0, 30.0, 0.5


class Bed:
    """A lab of one configuration in which cases follow each other; each finds it as it was built."""

    def __init__(self, configuration: Configuration, name: str, folder: Path) -> None:
        self._configuration = configuration
        self._name = name
        self._file = folder / f"{configuration.name}.yaml"
        self._file.write_text(configuration.text, encoding="utf-8")

    def begin(self) -> None:
        """Build it, or bring it back. HoplabError where that fails."""
        settings = [word for one in self._configuration.settings for word in ("--set", one)]
        done = self._inv("up", "--topology", str(self._file), *settings)
        if done.returncode:
            raise HoplabError(f"up of {self._configuration.name}: {done.stdout}{done.stderr}")

    def attempt(self, case: Case) -> Outcome:
        """Break the lab, have it looked at and mended, and clear."""
        began = time.monotonic()
        try:
            outcome = self._tried(case)
        except HoplabError as error:
            outcome = Outcome(case, trouble=error.message)
        if outcome.trouble or not outcome.clean:
            self._anew()
        return replace(outcome, seconds=round(time.monotonic() - began, 1))

    def _tried(self, case: Case) -> Outcome:
        with calls.connect(self._name) as connected:
            for one in case.faults:
                connected.request("inject", name=one.name, on=one.place, given={}, hidden=False, timing=AT_ONCE)
        looks = [self._look()]
        offered = any(one.fix for one in looks[0])
        while any(one.fix for one in looks[-1]) and len(looks) <= MOST_MENDED:
            self._mend(next(one for one in looks[-1] if one.fix))
            looks.append(self._look())
        mended = not looks[-1] if offered else None
        with calls.connect(self._name) as connected:
            connected.request("clear_faults", name="", on="")
        clean = not self._drift() and self._settled()
        return Outcome(case, tuple(looks), mended, clean)

    def _look(self) -> tuple[Said, ...]:
        done = self._inv("doctor", "--json", "-")
        if done.returncode not in (HEALTHY, FOUND):
            raise HoplabError(f"doctor ended with {done.returncode}: {done.stderr.strip()}")
        return said(json.loads(done.stdout))

    def _mend(self, worst: Said) -> None:
        """Its commands, as `--fix` runs them."""
        with calls.connect(self._name) as connected, Path(os.devnull).open("wb") as nothing:
            list(mend(connected.visit, worst.fix, self._name, say=lambda _: None, output=nothing.fileno()))

    def _drift(self) -> bool:
        with calls.connect(self._name) as connected:
            return bool(connected.request("read", what="drift"))

    def _settled(self) -> bool:
        """Whether the doctor has nothing to say soon: what is started again takes a moment."""
        deadline = time.monotonic() + SETTLED_SECONDS
        while self._look():
            if time.monotonic() > deadline:
                return False
            time.sleep(EVERY_SECONDS)
        return True

    def _anew(self) -> None:
        with ended(self._name):
            pass
        self.begin()

    def _inv(self, task: str, *words: str) -> subprocess.CompletedProcess[str]:
        argv = (sys.executable, str(ROOT / "tasks.py"), task, "--lab", self._name, *words)
        try:
            return subprocess.run(argv, capture_output=True, text=True, timeout=LOOK_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise HoplabError(f"{task} did not end within {LOOK_SECONDS:.0f} s") from error


@contextmanager
def bed(configuration: Configuration, name: str) -> Iterator[Bed]:
    """A lab of that configuration for the length of the block."""
    with TemporaryDirectory() as folder, ended(name):
        one = Bed(configuration, name, Path(folder))
        one.begin()
        yield one
