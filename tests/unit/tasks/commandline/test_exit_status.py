"""A task ends as a command should: a sentence and an exit status, never a traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lab.errors import FileError, MachineError, Mistake, UsageError
from lab.program import act
from lab.tasks.commandline.exit_status import status_of
from lab.tasks.commandline.task import Command, Context, Exit, command


@command
def up(_: Context) -> None:
    """Ask for a lab that no one has."""
    raise UsageError("there is no topology `nope`", hint="./inv validate says so")


@command
def read(_: Context) -> None:
    """Read a file with two mistakes."""
    raise FileError(
        (
            Mistake("a.yaml", 3, 7, "spec.nodes[0].subnet", "`x` is not a subnet", "subnet-a is one"),
            Mistake("a.yaml", 9, 1, "", "a tab", ""),
        )
    )


@command
def probe(_: Context) -> None:
    """Look at a machine that cannot."""
    raise MachineError("no user namespaces")


@command
def broken(_: Context) -> None:
    """Be wrong."""
    raise KeyError("x")


@command
def stopped(_: Context) -> None:
    """Be ended by Ctrl-C."""
    raise KeyboardInterrupt


@command
def lost(_: Context) -> None:
    """End with a status that means something."""
    raise Exit(code=3)


def ends_with(task: Command) -> int:
    return status_of(lambda: act({task.name: task}, [task.name]))


def test_an_error_is_a_sentence_a_hint_and_its_own_status(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/local/bin/hoplab", "up"])
    assert ends_with(up) == 2
    out, err = capsys.readouterr()
    assert err == "hoplab: error: there is no topology `nope`\nhint: hoplab validate says so\n"
    assert out == "", "errors are not output: a script that reads the output must not meet them there"


def test_mistakes_in_a_file_begin_with_their_place_so_that_editors_find_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends_with(read) == 2
    assert capsys.readouterr().err.splitlines() == [
        "a.yaml:3:7: spec.nodes[0].subnet: `x` is not a subnet; subnet-a is one",
        "a.yaml:9:1: a tab",
        "hoplab: error: nothing was built",
    ]


def test_without_a_hint_there_is_no_hint_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends_with(probe) == 1
    assert capsys.readouterr().err == "hoplab: error: no user namespaces\n"


def test_a_defect_is_named_and_placed_without_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOPLAB_DEBUG", raising=False)
    assert ends_with(broken) == 70
    err = capsys.readouterr().err
    assert "internal error: KeyError: 'x' (at test_exit_status.py:" in err
    assert "Traceback" not in err
    assert "HOPLAB_DEBUG=1" in err, "whoever wants to report it must learn how to see more"


def test_a_defect_shows_its_traceback_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOPLAB_DEBUG", "1")
    with pytest.raises(KeyError):
        ends_with(broken)


def test_ctrl_c_ends_with_what_a_shell_reports_for_it() -> None:
    assert ends_with(stopped) == 130


def test_a_task_may_end_with_a_status_of_its_own_and_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends_with(lost) == 3
    assert capsys.readouterr() == ("", "")


def test_a_message_alone_is_a_failure() -> None:
    assert (Exit("no").code, Exit().code, Exit("said", code=0).code) == (1, 0, 0)


def test_ctrl_c_when_all_is_said_changes_no_status() -> None:
    """A person who waits no longer, just as the command ends."""
    late = "import os, signal, sys; end = os._exit"
    told = "print(signal.getsignal(signal.SIGINT).name, flush=True)"
    code = f"{late}; os._exit = lambda status: {told} or end(status); sys.argv = ['hoplab', 'validate']"
    code += "; from lab.program import main; main()"
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=False)
    assert done.returncode == 2, done
    assert done.stdout == "SIG_IGN\n", done
