"""The real CoreDNS on this machine: where it is, and how `./inv setup --coredns` makes it with Go.

It is made once, into the virtual environment, or into the user's cache where that belongs to somebody else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lab.errors import MachineError
from lab.kernel.host import packages

MODULE = "github.com/coredns/coredns"
VERSION = "v1.14.7"
NEEDS_GO = (1, 25)  # what its go.mod says
# From this one on, Go fetches a newer one by itself when a module needs it (unless GOTOOLCHAIN=local).
FETCHES_GO = (1, 21)
# Where Go's own archive, Debian's package and snap put it.
GO_FOLDERS = ("/usr/local/go/bin", "/usr/lib/go/bin", "/snap/bin")
PURPOSE = "names as the real CoreDNS answers them (`dns.server: coredns`)"
REMEDY = "in a checkout, `./inv setup --coredns` makes it with Go; or put one on PATH, or choose `dns.server: dnsmasq`"


def find() -> str | None:
    """The program's path: the one that `setup` made, else one on PATH; None if there is none."""
    return shutil.which("coredns", path=os.pathsep.join((*map(str, _own_folders()), packages.search_path())))


def require() -> str:
    """The program's path; a MachineError that says how to get one if there is none."""
    found = find()
    if found is None:
        raise MachineError(f"this machine lacks coredns (for {PURPOSE})", REMEDY)
    return found


def find_go() -> str | None:
    """The Go tool's path; None if there is none."""
    return shutil.which("go", path=os.pathsep.join((packages.search_path(), *GO_FOLDERS)))


def install() -> str:
    """Make CoreDNS VERSION and give its path. Minutes when it is the first time; Go's own words go to standard error.

    MachineError when Go is missing or too old, or could not make it.
    """
    go = find_go()
    if go is None:
        hint = "install it from https://go.dev/dl, or put a coredns on PATH"
        raise MachineError(f"CoreDNS is made with Go {_dotted(NEEDS_GO)} or newer, and there is none here", hint)
    _require_version(go)
    folder = _target()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".coredns-", dir=folder) as aside:
        command = [go, "install", "-ldflags=-s -w", f"{MODULE}@{VERSION}"]
        # Without cgo it needs no library of the machine on which it runs.
        made = subprocess.run(
            command, env={**os.environ, "GOBIN": aside, "CGO_ENABLED": "0"}, stdout=sys.stderr, check=False
        )
        if made.returncode != 0:
            raise MachineError(f"Go could not make CoreDNS {VERSION}; its own words are above", " ".join(command))
        # Whoever runs the old one goes on running it.
        Path(aside, "coredns").replace(folder / "coredns")
    return str(folder / "coredns")


def version(program: str) -> str:
    """What a CoreDNS says of itself, such as `1.14.7`; "" when it says nothing of the kind."""
    said = subprocess.run((program, "-version"), capture_output=True, text=True, check=False).stdout
    found = re.search(r"CoreDNS-(\S+)", said)
    return found[1] if found else ""


def _own_folders() -> tuple[Path, Path]:
    """Where `setup` puts it: the virtual environment, else the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(sys.prefix, "bin"), Path(cache, "hoplab", "bin")


def _target() -> Path:
    environment, cache = _own_folders()
    return environment if sys.prefix != sys.base_prefix and os.access(environment, os.W_OK) else cache


def _require_version(go: str) -> None:
    told = subprocess.run((go, "env", "GOVERSION", "GOTOOLCHAIN"), capture_output=True, text=True, check=False)
    named, _, toolchain = told.stdout.partition("\n")
    found = re.match(r"go(\d+)\.(\d+)", named)
    have = (int(found[1]), int(found[2])) if found else (0, 0)
    if have < NEEDS_GO and (have < FETCHES_GO or toolchain.strip() == "local"):
        hint = "install a newer one from https://go.dev/dl"
        raise MachineError(
            f"CoreDNS {VERSION} needs Go {_dotted(NEEDS_GO)} or newer; {go} is {named or 'unknown'}", hint
        )


def _dotted(numbers: tuple[int, int]) -> str:
    return f"{numbers[0]}.{numbers[1]}"
