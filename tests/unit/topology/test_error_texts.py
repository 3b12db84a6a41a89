"""Every file in tests/golden/errors cannot be right: what its author is told is the text beside it, to the letter.

`HOPLAB_WRITE_GOLDEN=1 pytest …` writes the texts anew, to be read before they are kept.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.cluster.file.judgement import judge
from lab.errors import FileError
from lab.faults.written import misjudged
from lab.topology import load_topology
from lab.topology.field_errors import file_error

ERRORS = Path(__file__).parents[2] / "golden" / "errors"
CASES = sorted(ERRORS.glob("*.yaml"))


@pytest.mark.parametrize("file", CASES, ids=[file.stem for file in CASES])
def test_a_file_that_cannot_be_right_is_answered_with_place_problem_and_remedy(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    with pytest.raises(FileError) as refused:
        loaded = load_topology(text, file.name, lambda name: (ERRORS / name).read_bytes().decode("utf-8"))
        judge(loaded.topology, loaded.manifests)
        raise file_error([*misjudged(loaded.topology.spec.faults)])
    told = f"{refused.value}\n"
    expected = file.with_suffix(".txt")
    if os.environ.get("HOPLAB_WRITE_GOLDEN"):
        expected.write_text(told, encoding="utf-8")
    assert told == expected.read_text(encoding="utf-8"), f"what is told of {file.name} changed"
    assert refused.value.exit_status == 2


def test_every_mistake_names_a_line_that_is_there() -> None:
    for file in CASES:
        length = len(file.read_text(encoding="utf-8").splitlines())
        for line in file.with_suffix(".txt").read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{file.name}:"):
                assert 1 <= int(line.split(":")[1]) <= length + 1, line


def test_no_words_of_the_libraries_reach_the_author() -> None:
    told = "".join(file.with_suffix(".txt").read_text(encoding="utf-8") for file in CASES)
    for words in ("Input should", "Field required", "Extra inputs", "pydantic", "Traceback", "<class"):
        assert words not in told
