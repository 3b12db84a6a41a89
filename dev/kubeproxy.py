"""Kubernetes' own kube-proxy, made with Go from its public module: `test --parity` compares the lab's rules with its.

It is kept in the virtual environment, beside the kubectls of the tests, and never part of the lab.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from lab.errors import MachineError
from lab.kernel.host.coredns import find_go

VERSION = "1.37.2"
IPVS_VERSION = "1.34.4"
"""Of ipvs mode, which Kubernetes has deprecated since 1.35 and will take out: as it was while it was maintained."""
MODULE = "k8s.io/kubernetes"
FOLDER = Path(sys.prefix, "kube-proxy")

# Kubernetes' own go.mod leads these to folders beside it, which nobody else has: under the same names they are modules
# of their own, of version 0.MINOR.PATCH.
_BESIDE = re.compile(r"^\s*(?:replace )?(k8s\.io/\S+) => \./staging/", re.MULTILINE)


def version_of(mode: str) -> str:
    """The version with which the lab's rules of that mode are compared."""
    return IPVS_VERSION if mode == "ipvs" else VERSION


def program(version: str = VERSION) -> Path:
    """Where it is, once it was made."""
    return FOLDER / version / "kube-proxy"


def make(version: str = VERSION) -> Path:
    """Have it, unless it is there already: some minutes the first time, one afterwards. MachineError when Go is missing
    or fails.
    """
    target = program(version)
    if target.exists():
        return target
    go = find_go()
    if go is None:
        raise MachineError(
            f"kube-proxy {version} is made with Go, and there is none", "install it from https://go.dev/dl"
        )
    print(f"making kube-proxy {version} with {go} (some minutes the first time)", flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=FOLDER) as folder:
        aside = Path(folder)
        (aside / "go.mod").write_text(f"module hoplab.invalid/kubeproxy\n\ngo 1.25\n\nrequire {MODULE} v{version}\n")
        asked = (go, "mod", "download", "-json", f"{MODULE}@v{version}")
        kubernetes = Path(json.loads(_run(asked, aside))["GoMod"]).read_text(encoding="utf-8")
        module = f"v0.{version.partition('.')[2]}"
        with (aside / "go.mod").open("a") as file:
            file.writelines(f"replace {name} => {name} {module}\n" for name in _BESIDE.findall(kubernetes))
        said = f"-X k8s.io/component-base/version.gitVersion=v{version}"
        flags = ("-trimpath", "-mod=mod", f"-ldflags=-s -w {said}")
        _run(("nice", "-n", "19", go, "build", *flags, "-o", "kube-proxy", f"{MODULE}/cmd/kube-proxy"), aside)
        # Whole or not at all: whoever interrupts this finds nothing there the next time.
        (aside / "kube-proxy").replace(target)
    return target


def _run(command: tuple[str, ...], folder: Path) -> str:
    environment = {**os.environ, "CGO_ENABLED": "0"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MachineError(f"{command[0]} failed: {done.stderr.strip()[-300:]}", " ".join(command))
    return done.stdout
