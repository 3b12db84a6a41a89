"""What goes over the agent's socket arrives as it was sent: errors above all, for they are for people to read."""

from __future__ import annotations

import json

import pytest

from lab.agent.protocol import encode, error_from, error_message
from lab.errors import FileError, HoplabError, KernelError, LabError, MachineError, Mistake, UsageError

MISTAKE = Mistake("a.yaml", 3, 7, "spec.nodes[0]", "there is no such subnet", "one of: subnet-a")


@pytest.mark.parametrize("kind", [HoplabError, KernelError, LabError, MachineError, UsageError])
def test_an_error_keeps_its_kind_its_words_and_its_hint(kind: type[HoplabError]) -> None:
    sent = kind("what happened: “so”\nand more", "what to do")
    got = error_from(json.loads(encode(error_message(sent))))
    assert type(got) is kind
    assert (got.message, got.hint, got.exit_status) == (sent.message, sent.hint, sent.exit_status)


def test_mistakes_in_a_file_keep_their_places() -> None:
    got = error_from(json.loads(encode(error_message(FileError((MISTAKE, MISTAKE))))))
    assert isinstance(got, FileError)
    assert got.mistakes == (MISTAKE, MISTAKE)
    assert str(got).splitlines()[0] == "a.yaml:3:7: spec.nodes[0]: there is no such subnet; one of: subnet-a"


def test_an_error_of_a_newer_agent_is_still_an_error() -> None:
    assert type(error_from({"error": "FutureError", "message": "m", "hint": "h"})) is HoplabError


def test_one_message_is_one_line() -> None:
    line = encode({"text": "a\nb\u2028c"})
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
