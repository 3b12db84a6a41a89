"""What a command reads ends, and is refused where it does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.errors import UsageError
from lab.tasks import topologies
from lab.tasks.commandline import inputs


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("/dev/zero", "a device"),
        ("/dev/full", "a device"),
        ("/nonexistent/x", "No such file"),
        ("/tmp", "Is a directory"),
        ("x" * 5000, "File name too long"),
        ("", "Is a directory"),
    ],
)
def test_what_cannot_be_read(file: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        inputs.read(file, "")
    with pytest.raises(UsageError):
        topologies.find(file)


def test_a_pipe_that_does_not_end_is_left_at_the_limit(tmp_path: Path) -> None:
    fifo = tmp_path / "endless"
    os.mkfifo(fifo)
    if not (child := os.fork()):
        with fifo.open("wb", buffering=0) as stream:
            try:
                while True:
                    stream.write(bytes(65536))
            except BrokenPipeError:
                os._exit(0)
    with pytest.raises(UsageError, match="more than 2 MiB"):
        inputs.read(str(fifo), "", most=2 << 20)
    os.waitpid(child, 0)


def test_the_null_device_is_an_empty_file() -> None:
    assert inputs.text("/dev/null", "") == ""
    assert inputs.name("-") == "standard input"


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    with pytest.raises(UsageError, match="not UTF-8"):
        inputs.text(str(tmp_path / "latin"), "")
