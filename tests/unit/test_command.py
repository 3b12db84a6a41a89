"""A task ends as a command should: a sentence and an exit status, whichever program runs it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from invoke import Collection, Context, Program

from lab.errors import FileError, MachineError, Mistake, UsageError
from lab.program import HoplabProgram
from lab.tasks.command import command, remainder


@command
def up(_: Context) -> None:
    """Ask for a lab that no one has."""
    raise UsageError("there is no topology `nope`", hint="two-subnet is one")


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


@command(positional=["place"])
def inside(_: Context, place: str, json: str = "") -> None:
    """Say what was understood."""
    sys.stdout.write(f"{place} {json}\n")


TASKS = Collection(up, read, probe, broken, stopped, inside)
ByHand: Callable[[], Program] = lambda: Program(namespace=TASKS)  # noqa: E731
Ours: Callable[[], Program] = lambda: HoplabProgram(namespace=TASKS, binary="hoplab")  # noqa: E731
both = pytest.mark.parametrize("program", [ByHand, Ours], ids=["invoke", "hoplab"])


def ends_with(program: Program, *words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        program.run(["hoplab", *words])
    status = ended.value.code
    assert isinstance(status, int)
    return status


@both
def test_an_error_is_a_sentence_a_hint_and_its_own_status(
    program: Callable[[], Program], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends_with(program(), "up") == 2
    out, err = capsys.readouterr()
    assert err == "hoplab: error: there is no topology `nope`\nhint: two-subnet is one\n"
    assert out == "", "errors are not output: a script that reads the output must not meet them there"


@both
def test_mistakes_in_a_file_begin_with_their_place_so_that_editors_find_it(
    program: Callable[[], Program], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends_with(program(), "read") == 2
    assert capsys.readouterr().err.splitlines() == [
        "a.yaml:3:7: spec.nodes[0].subnet: `x` is not a subnet; subnet-a is one",
        "a.yaml:9:1: a tab",
        "hoplab: error: nothing was built",
    ]


@both
def test_without_a_hint_there_is_no_hint_line(
    program: Callable[[], Program], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends_with(program(), "probe") == 1
    assert capsys.readouterr().err == "hoplab: error: no user namespaces\n"


@both
def test_a_defect_is_named_and_placed_without_a_traceback(
    program: Callable[[], Program], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOPLAB_DEBUG", raising=False)
    assert ends_with(program(), "broken") == 70
    err = capsys.readouterr().err
    assert "internal error: KeyError: 'x' (at test_command.py:" in err
    assert "Traceback" not in err
    assert "HOPLAB_DEBUG=1" in err, "whoever wants to report it must learn how to see more"


def test_a_defect_shows_its_traceback_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOPLAB_DEBUG", "1")
    with pytest.raises(KeyError):
        Ours().run(["hoplab", "broken"])


@both
def test_ctrl_c_ends_with_what_a_shell_reports_for_it(program: Callable[[], Program]) -> None:
    assert ends_with(program(), "stopped") == 130


@pytest.mark.parametrize("words", [["nope"], ["inside"], ["up", "--nope"], ["--help", "nope"]])
def test_a_usage_error_ends_with_2_and_says_where_help_is(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert ends_with(Ours(), *words) == 2
    err = capsys.readouterr().err
    assert err.startswith("hoplab: error: ")
    assert "--list shows the tasks" in err


@both
def test_a_dash_is_an_ordinary_value(program: Callable[[], Program], capsys: pytest.CaptureFixture[str]) -> None:
    program().run(["hoplab", "inside", "node-0", "--json", "-", "--", "ip", "route"])
    assert capsys.readouterr().out == "node-0 -\n"


def test_what_follows_the_dashes_keeps_its_words_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["inv", "exec", "node-0", "--", "sh", "-c", "echo  'a b'", "", "--", "-x"])
    assert remainder() == ("sh", "-c", "echo  'a b'", "", "--", "-x"), (
        "joined and split again, it would be another command"
    )


def test_without_dashes_nothing_follows() -> None:
    assert remainder(["inv", "shell", "node-0"]) == ()
    assert remainder(["inv", "exec", "node-0", "--"]) == ()
