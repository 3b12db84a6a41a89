"""Files that are written at the end of a command, but opened at its beginning."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.errors import HoplabError, MachineError, UsageError
from lab.tasks.commandline import outputs


def test_a_file_keeps_what_it_holds_until_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    file.write_text("what was there before, and is longer")
    with pytest.raises(UsageError), outputs.opened(json=str(file)):
        raise UsageError("no such place")
    assert file.read_text() == "what was there before, and is longer"
    with outputs.opened(json=str(file)) as opened:
        opened.write_text("json", "new ")
        opened.write_text("json", "words")
    assert file.read_text() == "new words"


def test_a_file_that_was_not_there_is_gone_again_when_nothing_was_written(tmp_path: Path) -> None:
    file = tmp_path / "new.json"
    with pytest.raises(HoplabError), outputs.opened(json=str(file)):
        assert file.exists()
        raise HoplabError("the lab refused")
    assert not file.exists()


def test_what_a_link_leads_to_is_written_and_the_link_stays(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "aim")
    with outputs.opened(html=str(link)) as opened:
        opened.write_text("html", "page")
    assert link.is_symlink()
    assert (tmp_path / "aim").read_text() == "page"


@pytest.mark.parametrize("name", ["no/folder", "folder", "file/below", "x" * 300])
def test_what_cannot_be_opened_is_a_wrong_command(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"), outputs.opened(pcap=str(tmp_path / name)):
        raise AssertionError("it was opened")


def test_two_outputs_are_not_one_file_by_any_name(tmp_path: Path) -> None:
    file = tmp_path / "one"
    other = tmp_path / "link"
    other.symlink_to(file)
    with pytest.raises(UsageError, match="cannot both go to"), outputs.opened(json=str(file), html=str(other)):
        raise AssertionError("both were opened")
    assert not file.exists()
    with pytest.raises(UsageError, match="standard output"), outputs.opened(json="-", html="/dev/stdout"):
        raise AssertionError("both were opened")
    with outputs.opened(json="/dev/null", html="/dev/null"):
        pass


def test_a_full_disk_is_the_machines() -> None:
    with outputs.opened(json="/dev/full") as opened, pytest.raises(MachineError, match="/dev/full cannot be written"):
        opened.write_text("json", "{}")


def test_a_stream_that_is_open_is_written_where_it_stands(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb", buffering=0) as log:
        log.write(b"before ")
        with outputs.opened(json=f"/dev/fd/{log.fileno()}") as opened:
            opened.write_text("json", "in between ")
        log.write(b"after")
    assert (tmp_path / "log").read_text() == "before in between after"


def test_a_pipe_whose_reader_has_gone_is_no_ones_fault(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with outputs.opened(json=str(fifo)) as opened:
        os.close(reader)
        with pytest.raises(BrokenPipeError):
            opened.write_text("json", "{}")
    assert fifo.exists()
