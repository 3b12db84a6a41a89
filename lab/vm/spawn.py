"""Starting a lab's keeper, and with it the virtual machine, as `up --vm` does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

from lab.agent.client.spawn import Started
from lab.agent.protocol import Message, error_from
from lab.errors import LabError
from lab.kernel.host import interpreter
from lab.vm.options import Options


def start(lab: str, options: Options, say: Callable[[str], None]) -> Started | None:
    """Start a keeper; the lab's agent inside listens when this returns. None if somebody else has the lab. `say` is
    told how far it is. Raises what kept it from coming up.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.vm.keeper", lab, options.to_json()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        cwd="/",
        bufsize=0,
        env=interpreter.environment(),
    )
    assert process.stdout is not None
    while line := process.stdout.readline():
        message: Message = json.loads(line)
        if "error" in message:
            raise error_from(message)
        if message.get("held"):
            return None
        if message.get("listening"):
            return Started(lab, process.stdout)
        say(str(message["booting"]))
    raise LabError(f"the keeper of lab {lab!r} has ended", "its own words are above")
