"""Whether a request is lost, as a client lives it: `client.py` in the pod, with nothing of the trace's own code."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from bench.losses.inside import MACHINES_PYTHON, run
from bench.losses.request import Request
from lab.kernel.cell.visitor import Visit

CLIENT = Path(__file__).with_name("client.py")
TRIES, CHOOSING_TRIES = 3, 16  # of two endpoints one is never chosen once in 65,000 times
SECONDS = 1.2  # long enough for one retransmission
RESOLVER = {"RES_OPTIONS": "timeout:1 attempts:2"}


class Lived(StrEnum):
    """What came of it: every try was answered, none, or some."""

    ANSWERED = "answered"
    LOST = "lost"
    SOMETIMES = "sometimes"
    ELSEWHERE = "elsewhere"  # another endpoint answers whoever asks


def lived(where: Visit, request: Request) -> Lived:
    """From the request's source. Asks once more than chance would explain."""
    tries = CHOOSING_TRIES if request.via else TRIES
    told = (request.host, request.port, request.protocol, request.size, tries, SECONDS)
    words = [*MACHINES_PYTHON, CLIENT.read_text(encoding="utf-8"), *map(str, told)]
    found, _, answers = run(where, words, RESOLVER).output.partition("\n")
    known, _, of = found.partition("/")
    if known == "0":
        return Lived.LOST
    return _judged(request, answers.split()) if known == of else Lived.SOMETIMES


def _judged(request: Request, answers: list[str]) -> Lived:
    if request.via:
        if request.via in answers:
            return Lived.ANSWERED
        return Lived.ELSEWHERE if "-" not in answers else Lived.LOST
    lost = answers.count("-")
    if lost == len(answers):
        return Lived.LOST
    return Lived.SOMETIMES if lost else Lived.ANSWERED
