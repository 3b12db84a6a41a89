"""How far a run of the tests is: a line on a terminal, written over; in a log a line now and then.

A plugin of pytest, for `./inv test`: `-p dev.progress`. What fails is named at once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TextIO

import pytest

SHOWN_SECONDS, LOGGED_SECONDS = 1.0, 30.0  # between two lines on a terminal, in a log
SURE_SECONDS = 20.0  # before that, nothing is said about the time that is left
LAB_WEIGHT, PURE_WEIGHT = 100, 1  # of a test that builds a lab, and of one that needs no kernel


@dataclass
class Tally:
    """What is to be done and what of it is done, at which moment it began."""

    began: float
    wanted: dict[str, int] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)

    def collect(self, names: Iterable[str]) -> None:
        self.wanted.update((name, LAB_WEIGHT if "integration" in name else PURE_WEIGHT) for name in names)

    def line(self, now: float) -> str:
        """`412 of 1893 tests, 22 %, 1 failed, about 6 min left`."""
        whole = sum(self.wanted.values())
        part = sum(self.wanted.get(name, 0) for name in self.finished)
        told = [f"{len(self.finished)} of {len(self.wanted)} tests", f"{100 * part // max(whole, 1)} %"]
        if self.failed:
            told.append(f"{len(self.failed)} failed")
        spent = now - self.began
        if part and spent >= SURE_SECONDS and len(self.finished) < len(self.wanted):
            told.append(f"about {_spoken(spent * (whole - part) / part)} left")
        return ", ".join(told)


def _spoken(seconds: float) -> str:
    return f"{round(seconds)} s" if seconds < 90 else f"{round(seconds / 60)} min"


class Progress:
    """Hears of every test that ends, and tells on `stream`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._over = stream.isatty()
        self._tally = Tally(time.monotonic())
        self._told = self._tally.began

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._tally.collect(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._tally.collect(ids)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """No letter for each test: a line says more."""
        if hasattr(report, "wasxfail"):
            return None
        if report.failed:
            return ("failed" if report.when == "call" else "error", "", "")
        if report.skipped:
            return ("skipped", "", "")
        return ("passed" if report.when == "call" else "", "", "")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._tally.failed.append(report.nodeid)
            self._say(f"FAILED {report.nodeid}", stays=True)
        if report.when == "teardown":
            self._tally.finished.add(report.nodeid)
            now = time.monotonic()
            if now - self._told >= (SHOWN_SECONDS if self._over else LOGGED_SECONDS):
                self._told = now
                self._say(self._tally.line(now), stays=not self._over)

    def pytest_sessionfinish(self) -> None:
        self._say(self._tally.line(time.monotonic()), stays=True)

    def _say(self, text: str, *, stays: bool) -> None:
        begin = "\r\033[K" if self._over else ""
        end = "\n" if stays else ""
        self._stream.write(f"{begin}{text}{end}")
        self._stream.flush()


def pytest_configure(config: pytest.Config) -> None:
    """In the process that reports, not in those that run the tests."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress(sys.stderr), "hoplab-progress")
