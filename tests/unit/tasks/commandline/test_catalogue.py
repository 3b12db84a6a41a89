"""The tasks by their names, and what a command imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lab.tasks import TASKS

NOT_TO_ASK = ("lab.network.objects", "lab.trace", "lab.agent.client.spawn", "pydantic", "yaml", "asyncio", "subprocess")
"""What takes long to import, and is of no use to a command that asks the agent and prints what it says."""


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_found_under_its_name(name: str) -> None:
    assert TASKS[name].name == name


def test_asking_a_lab_takes_little() -> None:
    asked = "from lab import program; program.TASKS['get']; import sys; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    assert not set(NOT_TO_ASK) & set(imported), "every `get` would wait for it"
