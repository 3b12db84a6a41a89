"""`./inv` in a checkout that is ready: it finds it from anywhere and costs next to nothing.

The first run, which installs, is what `./inv test --fresh` tries on a machine that has nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHELLS = 20
OWN_SECONDS = 0.050  # design: later runs are straight at Invoke in under 50 ms of its own


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose name is not easy, ready to use, with tasks that say where they run and with what words."""
    root = tmp_path / "my lab's [checkout]"
    (root / ".venv" / "bin").mkdir(parents=True)
    shutil.copy2(ROOT / "inv", root)
    shutil.copy2(ROOT / "pyproject.toml", root)
    (root / "tasks.py").write_text("import os, sys\nprint(os.getcwd(), os.environ.get('PYTHONPATH'), sys.argv)\n")
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    stamp(root, place=root)
    return root


def stamp(root: Path, place: Path) -> None:
    content = (root / "pyproject.toml").read_bytes() + (root / "inv").read_bytes()
    checksum = subprocess.run(["cksum"], input=content, capture_output=True, check=True).stdout.decode().strip()
    (root / ".venv" / "stamp").write_text(f"{checksum}\n{place}\n")


def inv(script: Path | str, *words: str, cwd: Path) -> str:
    answer = subprocess.run([script, *words], cwd=cwd, capture_output=True, text=True, check=False, timeout=20)
    assert (answer.returncode, answer.stderr) == (0, ""), "a checkout that is ready has nothing to say"
    return answer.stdout.strip()


def test_words_arrive_as_they_were_typed_and_relative_files_stay_relative(checkout: Path, tmp_path: Path) -> None:
    words = ["exec", "node-0", "--", "echo", "a  b", "", "*", "$HOME"]
    assert inv(checkout / "inv", *words, cwd=tmp_path) == f"{tmp_path} None {[str(checkout / 'tasks.py'), *words]}"


def test_through_links_and_from_within(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "one").symlink_to(checkout / "inv")
    (tmp_path / "two").symlink_to("bin/one")
    expected = f"{[str(checkout / 'tasks.py'), 'list']}"
    assert inv(tmp_path / "two", "list", cwd=tmp_path).endswith(expected)
    assert inv("./inv", "list", cwd=checkout).endswith(expected)
    assert inv("../bin/one", "list", cwd=checkout).endswith(expected)


def test_its_own_time_is_hardly_any(checkout: Path) -> None:
    (checkout / ".venv" / "bin" / "python").unlink()
    (checkout / ".venv" / "bin" / "python").symlink_to("/bin/true")

    def once(*words: str) -> float:
        began = time.perf_counter()
        subprocess.run(words, check=True)
        return time.perf_counter() - began

    # The quickest of several, beside what it takes to start a shell: the others tell what else this machine is doing.
    shell, its = (
        min(once(*words) for _ in range(10)) for words in (("sh", "-c", ":"), (str(checkout / "inv"), "list"))
    )
    assert its < max(OWN_SECONDS, SHELLS * shell)


def test_a_checkout_of_someone_else_is_used_where_it_is_shown(checkout: Path) -> None:
    """Made by another user elsewhere (or mounted here): its modules must be this checkout's, not that one's."""
    stamp(checkout, place=Path("/elsewhere"))
    (checkout / ".venv" / "bin" / "python").unlink()
    (checkout / ".venv" / "bin" / "python").write_text("#!/bin/sh\necho $PYTHONPATH\n")
    (checkout / ".venv" / "bin" / "python").chmod(0o755)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        shown = shutil.copytree(checkout, Path(folder, "shown"))
        (shown / ".venv").chmod(0o555)
        nobody: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": ()} if os.geteuid() == 0 else {}
        answer = subprocess.run([shown / "inv"], capture_output=True, text=True, check=False, timeout=20, **nobody)
        (shown / ".venv").chmod(0o755)
    assert (answer.stdout, answer.stderr) == (f"{shown}\n", "")


def test_an_environment_that_is_linked_from_another_checkout_is_not_emptied(checkout: Path, tmp_path: Path) -> None:
    """It is not this checkout's, which makes one of its own; that nothing can be installed ends the run behind that."""
    (checkout / ".venv").rename(tmp_path / "theirs")
    (checkout / ".venv").symlink_to(tmp_path / "theirs")
    stamp(checkout, place=Path("/elsewhere"))
    offline = {**os.environ, "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    answer = subprocess.run(
        [checkout / "inv"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=offline,
        stdin=subprocess.DEVNULL,
    )
    assert answer.returncode != 0, "without an index nothing can be installed"
    assert (tmp_path / "theirs" / "stamp").exists(), answer.stderr
    assert not (checkout / ".venv").is_symlink(), answer.stderr
