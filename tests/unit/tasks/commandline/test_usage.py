"""What the command line says about itself fits a terminal, and names the program as it was called."""

from __future__ import annotations

import pytest

from lab.tasks.commandline import usage
from lab.tasks.commandline.task import Command
from tasks import TASKS as NAMED

by_name = pytest.mark.parametrize("task", NAMED.values(), ids=lambda task: task.name)


def test_the_first_screen_is_ten_lines_with_five_commands_that_exist() -> None:
    lines = usage.FIRST_SCREEN.splitlines()
    assert len(lines) == 10
    assert max(map(len, lines)) <= 80
    commands = [line.split() for line in lines if line.startswith("  ./inv ")]
    assert len(commands) == 5
    assert {words[1] for words in commands} <= set(NAMED)


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_list_has_every_task_and_fits(width: int) -> None:
    lines = usage.listing(NAMED, width).splitlines()
    assert {line.split()[0] for line in lines if not line.startswith("   ")} == set(NAMED)
    assert max(map(len, lines)) < width


@by_name
def test_a_tasks_help_has_its_options_each_with_a_meaning_and_fits(task: Command) -> None:
    text = usage.task(task, 80)
    assert text.startswith(f"Usage: ./inv {task.name}")
    assert max(map(len, text.splitlines())) <= 80
    for option in task.options:
        assert option.flag in text
        assert option.help, f"{task.name} {option.flag}"


def test_the_usage_shows_what_must_be_given_and_where() -> None:
    first = {name: usage.task(NAMED[name], 80).splitlines()[0] for name in ("exec", "get", "trace", "shell")}
    assert first == {
        "exec": "Usage: ./inv exec PLACE [options] -- COMMAND…",
        "get": "Usage: ./inv get RESOURCE [NAME] [options]",
        "trace": "Usage: ./inv trace --from PLACE [options]",
        "shell": "Usage: ./inv shell [PLACE] [options]",
    }
