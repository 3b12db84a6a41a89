"""Where the real CoreDNS is found, and what a person learns who has none."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from lab.errors import MachineError
from lab.kernel.check import features
from lab.kernel.holdings import Holdings
from lab.kernel.host import coredns, packages
from lab.network.objects import Network, Process


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine whose only programs are those put into this folder; an environment and a home with nothing in them."""
    (tmp_path / "programs").mkdir()
    (tmp_path / "environment" / "bin").mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(packages, "SYSTEM_FOLDERS", ())
    monkeypatch.setattr(coredns, "GO_FOLDERS", ())
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    return tmp_path


def put(path: Path, script: str = "") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def go(folder: Path, version: str, toolchain: str = "auto", install: str = "exit 1") -> None:
    """A Go tool that says it is of that version, and runs `install` when it is to install something."""
    tells = f"printf '{version}\\n{toolchain}\\n'"
    put(folder / "programs" / "go", f'if [ "$1" = env ]; then {tells}; else {install}; fi')


def test_the_one_that_setup_made_comes_before_one_on_path(bare: Path) -> None:
    assert coredns.find() is None
    on_path = put(bare / "programs" / "coredns")
    assert coredns.find() == on_path
    cached = put(bare / "cache" / "hoplab" / "bin" / "coredns")
    assert coredns.find() == cached
    own = put(bare / "environment" / "bin" / "coredns")
    assert coredns.find() == own == coredns.require()


@pytest.mark.usefixtures("bare")
def test_who_has_none_learns_how_to_get_one() -> None:
    with pytest.raises(MachineError, match="this machine lacks coredns") as refused:
        coredns.require()
    assert "./inv setup --coredns" in refused.value.hint
    assert "dns.server: dnsmasq" in refused.value.hint


@pytest.mark.usefixtures("bare")
def test_a_topology_that_wants_it_is_refused_before_anything_is_built() -> None:
    untouched = cast(Holdings, None)  # whatever it did to the machine would fail
    wanted = Process("kube-system/dns-0", "coredns", ("crun",))
    with pytest.raises(MachineError, match="this machine lacks coredns"):
        features.require(untouched, Network((wanted,)))
    features.require(untouched, Network((replace(wanted, name="dnsmasq"),)))


@pytest.mark.usefixtures("bare")
def test_without_go_it_says_where_go_is_to_be_had() -> None:
    with pytest.raises(MachineError, match=r"made with Go 1\.25 or newer, and there is none here") as refused:
        coredns.install()
    assert "https://go.dev/dl" in refused.value.hint


@pytest.mark.parametrize(("version", "toolchain"), [("go1.19.8", "auto"), ("go1.24.1", "local"), ("nonsense", "auto")])
def test_a_go_that_is_too_old_is_named(bare: Path, version: str, toolchain: str) -> None:
    go(bare, version, toolchain)
    with pytest.raises(MachineError, match=rf"needs Go 1\.25 or newer; \S+/go is {version}"):
        coredns.install()


def test_what_go_made_is_put_into_the_environment_whole(bare: Path) -> None:
    go(bare, "go1.24.1", install='echo "#!/bin/sh" > "$GOBIN/coredns"; echo "$@" $CGO_ENABLED >> "$GOBIN/coredns"')
    made = Path(coredns.install())
    assert made == bare / "environment" / "bin" / "coredns"
    words = made.read_text().splitlines()[1].split()
    assert words == ["install", "-ldflags=-s", "-w", f"github.com/coredns/coredns@{coredns.VERSION}", "0"]
    assert [path.name for path in made.parent.iterdir()] == ["coredns"], "nothing else is left"


def test_where_the_environment_is_somebody_elses_it_goes_to_the_users_cache(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(bare, "go1.26.0", install=': > "$GOBIN/coredns"')
    really, environment = os.access, bare / "environment" / "bin"
    monkeypatch.setattr(os, "access", lambda path, mode: path != environment and really(path, mode))
    assert coredns.install() == str(bare / "cache" / "hoplab" / "bin" / "coredns")


def test_a_go_that_fails_is_quoted_as_a_line_to_try(bare: Path) -> None:
    go(bare, "go1.26.0")
    with pytest.raises(MachineError, match="Go could not make CoreDNS") as refused:
        coredns.install()
    assert refused.value.hint.endswith(f"github.com/coredns/coredns@{coredns.VERSION}")


def test_the_version_is_what_the_program_says(bare: Path) -> None:
    assert coredns.version(put(bare / "coredns", "echo CoreDNS-1.14.7; echo linux/amd64")) == "1.14.7"
    assert coredns.version(put(bare / "other", "echo hello")) == ""
