"""What pip installs: a wheel built from a copy of this checkout, in a fresh environment that knows no checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.labs import ROOT, environment

PARTS = ("pyproject.toml", "README.md", "LICENSE", "lab", "topologies")
LEFT_OUT = ("__pycache__", "*.pyc", "*.egg-info")


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built with the tools of this environment; nothing is fetched."""
    source = tmp_path_factory.mktemp("source")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, source / part, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
        else:
            shutil.copy2(ROOT / part, source)
    options = ("--no-deps", "--no-index", "--no-build-isolation", "--quiet", "--wheel-dir", source / "dist")
    run(sys.executable, "-m", "pip", "wheel", *options, source, cwd=source)
    (built,) = (source / "dist").glob("hoplab-*.whl")
    return built


@pytest.fixture(scope="module")
def hoplab(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The installed program. Its dependencies are those of this environment."""
    home = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=home)
    python = home / "bin" / "python"
    install = ("install", "--no-deps", "--no-index", "--quiet", wheel)
    run(sys.executable, "-m", "pip", "--python", python, *install, cwd=home)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    ours = run(sys.executable, "-c", where, cwd=home).strip()
    own = Path(run(python, "-c", where, cwd=home).strip())
    (own / "dependencies.pth").write_text(f"{ours}\n")
    assert run(python, "-c", "import lab; print(lab.__file__)", cwd=home).startswith(str(own)), "not the checkout's"
    yield home / "bin" / "hoplab"


def test_the_wheel_has_everything_that_the_package_has(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    files = (path for path in (ROOT / "lab").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    wanted = {str(path.relative_to(ROOT)) for path in files}
    wanted |= {f"lab/topologies/{path.name}" for path in (ROOT / "topologies").glob("*.yaml")}
    assert wanted - inside == set()
    assert any(name.endswith("licenses/LICENSE") for name in inside)


def test_the_installed_program_works_and_calls_itself_by_its_name(hoplab: Path, tmp_path: Path) -> None:
    assert run(hoplab, "--version", cwd=tmp_path).startswith("Hoplab 0.")
    listed = run(hoplab, "--list", cwd=tmp_path)
    assert "trace.diff" in listed
    assert "lint" not in listed, "the developers' tasks stay in the checkout"
    assert "hoplab demo" in run(hoplab, cwd=tmp_path)
    assert "two-subnet.yaml: valid" in run(hoplab, "validate", "-t", "two-subnet", cwd=tmp_path)
    planned = run(hoplab, "up", "-t", "single-node", "-L", "wheel-planned", "--plan", cwd=tmp_path)
    assert "# ── node-0 ──" in planned
    script = run(hoplab, "--print-completion-script", "bash", cwd=tmp_path)
    assert script.endswith("complete -o default -F _complete_hoplab hoplab\n")
