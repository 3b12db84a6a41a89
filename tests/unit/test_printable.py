"""What a terminal would obey is shown instead, whatever the text is."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

import pytest

from lab import printable, terminal
from lab.trace.witness.observation import Capture
from lab.trace.witness.pcapng import Writer

OBEYED = [chr(i) for i in range(sys.maxunicode + 1) if unicodedata.category(chr(i)) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


def test_no_character_without_a_shape_of_its_own_is_left() -> None:
    for letter in OBEYED:
        assert printable.line(letter).isascii() and printable.line(letter).isprintable(), hex(ord(letter))
        kept = letter in "\t\n"
        assert printable.text(letter) == (letter if kept else printable.line(letter))


def test_what_people_write_stays_as_it_is() -> None:
    told = "└ --comment \"naïve → 日本\" 30 µs █░ '…'"
    assert printable.line(told) == printable.text(told) == printable.cell(told) == told


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("HTTP/1.1 200 \x1b]0;owned\x07", r"HTTP/1.1 200 \x1b]0;owned\x07"),
        ("\x9b31mred", r"\x9b31mred"),
        ("over\rwritten", r"over\rwritten"),
        ("two\nlines", r"two\nlines"),
        ("\u202eniaga", r"\u202eniaga"),
        ("half \ud83d", r"half \ud83d"),
        ("tag \U000e0041", r"tag \U000e0041"),
    ],
)
def test_it_is_written_out(given: str, shown: str) -> None:
    assert printable.line(given) == shown


def test_a_cell_is_one_line_as_in_kubectls_tables() -> None:
    assert printable.cell("first\nNAME forged") == "first..."
    shown = terminal.table(("NAME", "MESSAGE"), [("a", "\x1b[2J\nb   forged"), ("b", "fine")])
    assert shown.splitlines() == ["NAME   MESSAGE", r"a      \x1b[2J...", "b      fine"]


def test_all_of_the_terminals_ways_go_through_it(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "a\x1b[31mb\x9bc\rd\u202ee"
    terminal.out(hostile)
    terminal.data(hostile)
    terminal.warn(hostile)
    terminal.styled([(f"{hostile}\nforged", "bold")])
    terminal.Progress("building").say(hostile)
    out, err = capsys.readouterr()
    assert not set(out + err) & {"\x1b", "\x9b", "\r", "\u202e"}
    assert r"\u202ee\nforged" in out


def test_a_packets_comment_is_no_less_careful(tmp_path: Path) -> None:
    file = tmp_path / "one.pcapng"
    with file.open("wb") as stream:
        Writer(stream).write(Capture("node-0", "eth0", "in", 1, bytes(14), 14), "rule \x1b[31m\udcff")
    assert b"\x1b" not in file.read_bytes()
    assert rb"rule \x1b[31m\udcff" in file.read_bytes()
