"""A command in a place shares the person's terminal with others: with what reads its output, and with their shell.

person ── terminal ── bash ─┬─ exec pod-0 -- …
                            └─ cat, a pager, another job
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.labs import ROOT, Lab
from tests.integration.terminals import Terminal


@contextmanager
def shell(lab: Lab) -> Iterator[tuple[Terminal, str]]:
    """A shell with jobs, and what begins a command in the pod."""
    words = (sys.executable, str(ROOT / "tasks.py"), "exec", "pod-0", "--lab", lab.name, "--", "sh", "-c")
    with Terminal(("bash", "--norc", "--noediting", "-i"), ROOT, {"PS1": "ready> "}) as terminal:
        terminal.until("ready> ")
        yield terminal, shlex.join(words)


def _is_repeated(terminal: Terminal) -> None:
    """What is typed is read by `cat`: it runs by now. A shell that is about to become it may miss a signal."""
    terminal.type("again\n")
    terminal.until(r"again\s+again")


def _is_in_front_and_typed_at(terminal: Terminal) -> None:
    terminal.type("fg\n")
    terminal.until("(?m)^.*fg\n.*tasks.py")
    terminal.type("hello\n")
    terminal.until("(?m)^got hello")


def test_what_a_pipe_leads_to_writes_on_the_terminal_as_ever(two_subnet: Lab) -> None:
    with shell(two_subnet) as (terminal, begin):
        terminal.type(f"{begin} 'echo one; echo two; read typed; echo got $typed; tty >&2' | cat\n")
        terminal.until("(?m)^two")
        assert "one\r\ntwo\r\n" in terminal.raw, terminal.raw
        terminal.type("hello\n")
        terminal.until("(?m)^got hello")
        terminal.until("(?m)^/dev/pts/")
        terminal.until("ready> $")
        assert terminal.seen.count("hello") == 2, "typed, which is shown once, and said"
        terminal.type("stty -a | grep -o '[-]*icanon'\n")
        terminal.until("(?m)^icanon")


def test_ctrl_c_ends_all_of_what_runs_before_a_pipe(two_subnet: Lab) -> None:
    with shell(two_subnet) as (terminal, begin):
        terminal.type(f"{begin} 'echo begun; cat; echo never' | cat; echo status ${{PIPESTATUS[0]}}\n")
        terminal.until("(?m)^begun")
        _is_repeated(terminal)
        terminal.type("\x03")
        terminal.until("ready> $")
        terminal.type("echo status $?\n")
        terminal.until("(?m)^status 130")
        assert "\nnever" not in terminal.seen


def test_the_keys_of_a_pager_are_its_own(two_subnet: Lab) -> None:
    pager = "stty -icanon </dev/tty; read line; echo $line; echo key $(head -c 1 </dev/tty); stty icanon </dev/tty; cat"
    with shell(two_subnet) as (terminal, begin):
        terminal.type(f"{begin} 'echo begun; read typed; echo got $typed' | sh -c {shlex.quote(pager)}\n")
        terminal.until("(?m)^begun")
        terminal.type("q")
        terminal.until("key q")
        terminal.type("line\n")
        terminal.until("got line")


def test_in_the_background_it_runs_and_has_the_terminal_when_it_comes_to_the_front(two_subnet: Lab) -> None:
    with shell(two_subnet) as (terminal, begin):
        terminal.type(f"{begin} 'echo begun; read typed; echo got $typed; exec cat' &\n")
        terminal.until("(?m)^(ready> )?begun$")
        terminal.type("jobs\n")
        terminal.until(r"\[1\]\+ +Running")
        _is_in_front_and_typed_at(terminal)
        _is_repeated(terminal)
        terminal.type("\x03")
        terminal.until("ready> $")
        terminal.type("stty -a | grep -o '[-]*icanon'\n")
        terminal.until("(?m)^icanon")


def test_a_job_in_the_background_ends_by_its_signal(two_subnet: Lab) -> None:
    with shell(two_subnet) as (terminal, begin):
        terminal.type(f"{begin} 'echo begun; sleep 1000' &\n")
        terminal.until("(?m)^(ready> )?begun$")
        terminal.type("kill %1; wait %1; echo status $?\n")
        terminal.until("(?m)^status 143")
        assert "internal error" not in terminal.seen


def test_suspended_from_outside_it_goes_on_in_the_background_and_in_front(two_subnet: Lab) -> None:
    with shell(two_subnet) as (terminal, begin):
        terminal.type(f"{begin} 'echo begun $$; read typed; echo got $typed'\n")
        terminal.until(r"(?m)^begun \d+")
        terminal.suspend()
        terminal.until("Stopped")
        terminal.type("bg; echo shell $((40 + 2))\n")
        terminal.until("(?m)^shell 42")
        _is_in_front_and_typed_at(terminal)
        terminal.until("ready> $")
