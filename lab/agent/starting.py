"""Starting the agent of a lab, as its first `up` does."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from typing import TYPE_CHECKING

from lab.agent.protocol import Message, error_from
from lab.errors import LabError
from lab.kernel import interpreter, limits

if TYPE_CHECKING:
    from lab.kernel.sandbox.confinement import Confinement

START_SECONDS = 20.0


def start(lab: str, confinement: Confinement | None) -> bool:
    """Start an agent; it listens when this returns. False if somebody else has the lab just now. Raises what kept it
    from starting.
    """
    limits.require_for_lab()
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.agent", lab, *((confinement.to_json(),) if confinement else ())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        cwd="/",
        env=interpreter.environment(),
    )
    assert process.stdout is not None
    with process.stdout:
        if not select.select([process.stdout], [], [], START_SECONDS)[0]:
            process.kill()
            process.wait()
            raise LabError(
                f"the agent of lab {lab!r} did not start within {START_SECONDS:.0f} s", "is the machine busy?"
            )
        line = process.stdout.readline()
    process.wait()
    message: Message = json.loads(line) if line.strip() else {}
    if "error" in message:
        raise error_from(message)
    if not message.get("listening") and not message.get("held"):
        raise LabError(f"the agent of lab {lab!r} did not start", "its own words are above")
    return bool(message.get("listening"))
