"""What is said of an agent that does not answer: stopped by somebody, or busy with something that it should not be."""

from __future__ import annotations

from pathlib import Path

from lab.errors import LabError

SAID_SECONDS = 2.0  # so long nothing is said
PATIENCE_SECONDS = 20.0  # and so long one that is not stopped is waited for
SAID_OF_EMULATED_SECONDS, EMULATED_SECONDS = 20.0, 120.0  # where its processors may be emulated, as much slower
_STOPPED = ("T", "t")  # by a signal, by a debugger: proc_pid_stat(5)


class UnansweredError(LabError):
    """The agent lives, and says nothing."""


def is_stopped(pid: int) -> bool:
    """Whether the process goes on only when somebody lets it. False for one that there is not."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(") ")[2][:1] in _STOPPED
        )
    except OSError:
        return False


def sentence(lab: str, pid: int, seconds: float) -> str:
    """`lab 'a': its agent (process 12) is stopped`, `… has not answered for 2 s`."""
    what = "is stopped and does not answer" if is_stopped(pid) else f"has not answered for {seconds:.0f} s"
    return f"lab {lab!r}: its agent (process {pid}) {what}"


def error(lab: str, pid: int, seconds: float) -> UnansweredError:
    """Nobody waits for it any longer."""
    going_on = f"`kill -CONT {pid}` lets it go on, " if is_stopped(pid) else ""
    return UnansweredError(sentence(lab, pid, seconds), f"{going_on}`./inv down --lab {lab}` ends the lab")
