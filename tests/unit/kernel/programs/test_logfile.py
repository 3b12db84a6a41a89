"""Logs: what is said, when, and how much of it is kept."""

from __future__ import annotations

import os
from pathlib import Path

from lab.kernel.programs import logfile
from lab.kernel.programs.logfile import LogFile, last_lines, stamp
from lab.kernel.programs.outputs import Outputs
from tests.integration.labs import until


def test_a_moment_is_written_as_kubernetes_writes_it() -> None:
    assert stamp(1_795_379_451_000_000_007) == b"2026-11-22T20:30:51.000000007Z"
    assert len(stamp(0)) == logfile.TIME_LENGTH


def test_the_file_is_made_with_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "x.log"
    log = LogFile(str(path))
    log.write()
    assert not path.exists()
    log.write(b"one", b"two")
    log.close()
    log.write(b"three")
    assert last_lines(str(path), 2) == ["two", "three"]


def test_what_was_said_last_stands_behind_its_moment(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"2026-11-22T20:20:51.123456789Z one\n2026-11-22T20:20:52.000000000Z two\x85three\n")
    assert logfile.last_said(str(path), 1) == [("2026-11-22T20:20:52.000000000Z", "two\ufffdthree")]
    assert logfile.last_said(str(tmp_path / "none"), 1) == []


def test_there_are_two_files_of_bounded_size(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    log = LogFile(str(path))
    for number in range(700):
        log.write(b"%04d" % number + b"x" * 2000)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["x.log", "x.log.1"]
    assert all(file.stat().st_size <= logfile.MOST_BYTES for file in files)
    assert last_lines(str(path), 1)[0].startswith("0699")


def test_what_the_last_program_said_is_put_aside(tmp_path: Path) -> None:
    path = str(tmp_path / "x.log")
    logfile.put_aside(path)
    LogFile(path).write(b"old")
    logfile.put_aside(path)
    LogFile(path).write(b"new")
    assert (last_lines(path, 9), last_lines(f"{path}.previous", 9)) == (["new"], ["old"])
    logfile.remove_all(str(tmp_path))
    logfile.remove_all(str(tmp_path))
    assert not tmp_path.exists()


def test_the_last_words_of_who_has_died_are_there_at_once(tmp_path: Path) -> None:
    outputs, path = Outputs(), str(tmp_path / "x.log")
    for said in (b"one\ntwo\nunfin", b"ished"):
        pipe = outputs.into(path)
        os.write(pipe, said)
        os.close(pipe)
    outputs.catch_up()
    outputs.catch_up()
    assert sorted(last_lines(path, 9)) == ["ished", "one", "two", "unfin"]


def test_what_is_printed_comes_by_itself_and_long_lines_are_cut(tmp_path: Path) -> None:
    outputs, path = Outputs(), str(tmp_path / "x.log")
    pipe = outputs.into(path)
    os.write(pipe, b"hello\n" + b"y" * 20_000)
    until(lambda: len(last_lines(path, 9)) == 2, "the lines are in the log")
    assert last_lines(path, 2)[0] == "hello"
    os.close(pipe)
