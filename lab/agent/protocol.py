"""What goes over the agent's socket: one JSON object a line. A request, then any number of events, then a result or
an error. While nothing else is to be said for BEAT_SECONDS, the agent says that it is at work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.api.http.encoding import text_of
from lab.errors import FileError, HoplabError, KernelError, LabError, MachineError, Mistake, UsageError

Message = dict[str, Any]
AGAIN = "everything of the lab went with it; `./inv up` builds it again"


class EndedError(LabError):
    """Somebody or something has ended the lab under whoever is told; nobody builds it again unasked."""


_FAMILY: dict[str, type[HoplabError]] = {
    kind.__name__: kind for kind in (HoplabError, KernelError, LabError, EndedError, MachineError, UsageError)
}
WORKING: Message = {"event": "working"}
"""A sign of life: what was asked for takes longer."""
BEAT_SECONDS = 0.5
# A topology of a thousand pods as a map is about 1 MiB.
LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Encoded:
    """A result that is JSON already."""

    text: bytes


def encode(message: Message) -> bytes:
    """One line."""
    return text_of(message).encode() + b"\n"


def encode_result(result: Any) -> bytes:  # noqa: ANN401 JSON
    """The line that ends an answer."""
    return b'{"result":%s}\n' % result.text if isinstance(result, Encoded) else encode({"result": result})


def error_message(error: HoplabError) -> Message:
    """The error as it travels."""
    if isinstance(error, FileError):
        return {"error": "FileError", "mistakes": list(map(_mistake, error.mistakes)), "outcome": error.outcome}
    return {"error": type(error).__name__, "message": error.message, "hint": error.hint}


def _mistake(mistake: Mistake) -> list[str | int]:
    return [mistake.file, mistake.line, mistake.column, mistake.field, mistake.problem, mistake.remedy]


def error_from(message: Message) -> HoplabError:
    """The error that an agent sent, to be raised on this side."""
    if message["error"] == "FileError":
        return FileError(tuple(Mistake(*fields) for fields in message["mistakes"]), message["outcome"])
    return _FAMILY.get(message["error"], HoplabError)(message["message"], message["hint"])
