"""The bench's floor: the bare C loop compiles without a word, makes pods and says how long it took."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "bench" / "floor.c"
SANDBOX = ("unshare", "-Urnmpf", "--kill-child")


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: the bench goes without its floor")
    program = tmp_path_factory.mktemp("bench") / "floor"
    built = subprocess.run(
        [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(SOURCE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert not built.stderr
    return program


@pytest.mark.parametrize("nodes", [1, 3])
def test_ten_pods(floor: Path, nodes: int) -> None:
    if subprocess.run([*SANDBOX, "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces are not allowed here")
    done = subprocess.run([*SANDBOX, str(floor), "10", str(nodes)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["pods"], said["nodes"]) == (10, nodes)
    assert said["ms"] > 0
    assert said["ms_per_pod"] == pytest.approx(said["ms"] / 10, rel=0.01)


@pytest.mark.parametrize("argument", [(), ("0",), ("many",), ("10", "0"), ("10", "many"), ("10", "2", "3")])
def test_what_it_cannot_do_it_says(floor: Path, argument: tuple[str, ...]) -> None:
    done = subprocess.run([str(floor), *argument], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage" in done.stderr
