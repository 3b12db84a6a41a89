"""Real kubectls for the tests: the distribution's own, which may be old, and a current one that Go makes.

Neither is put on PATH: the tests look for them in the virtual environment, and take the machine's own one as well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from lab.errors import MachineError
from lab.kernel.host.coredns import find_go

FOLDER = Path(sys.prefix, "kubectl")
PACKAGE = "kubernetes-client"
VERSION = "0.37.2"  # of the modules: Kubernetes 1.37.2
MODULES = ("k8s.io/client-go", "k8s.io/component-base", "k8s.io/kubectl")
SAYING_THE_VERSION = ("k8s.io/component-base", "k8s.io/client-go/pkg")

# What Kubernetes' own main program does; that one is in a module that cannot be fetched by itself.
MAIN = """\
package main

import (
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

func main() {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}
"""


def make_for_tests() -> None:
    """Have both, unless they are there already; which one cannot be had, and why, is said."""
    wanted = (("distribution", f"Debian's {PACKAGE}", _unpack), (VERSION, f"kubectl {VERSION}, made with Go", _build))
    for name, what, get in wanted:
        target = FOLDER / name / "kubectl"
        try:
            if not target.exists():
                print(f"getting {what}", flush=True)
                _put(target, get)
        except MachineError as error:
            print(f"without {what}: {error} ({error.hint})", file=sys.stderr)


def _put(target: Path, get: Callable[[Path], Path]) -> None:
    """Whole or not at all: whoever interrupts this finds nothing there the next time."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".getting-", dir=FOLDER) as aside:
        got = get(Path(aside))
        got.chmod(0o755)
        got.replace(target)


def _unpack(aside: Path) -> Path:
    """The package's program. The package itself may be at odds with what is installed, and is not."""
    if shutil.which("apt-get") is None:
        raise MachineError("this is no Debian", "its kubectl is tested where one is on PATH")
    _run(("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", PACKAGE), aside)
    (package,) = aside.glob("*.deb")
    _run(("dpkg-deb", "-x", str(package), str(aside)), aside)
    return aside / "usr/bin/kubectl"


def _build(aside: Path) -> Path:
    go = find_go()
    if go is None:
        raise MachineError("there is no Go here", "install it from https://go.dev/dl")
    required = "".join(f"require {module} v{VERSION}\n" for module in MODULES)
    (aside / "go.mod").write_text(f"module hoplab.invalid/kubectl\n\ngo 1.25\n\n{required}", encoding="utf-8")
    (aside / "main.go").write_text(MAIN, encoding="utf-8")
    version = f"v1.{VERSION.partition('.')[2]}"
    said = " ".join(f"-X {package}/version.gitVersion={version}" for package in SAYING_THE_VERSION)
    flags = ("-trimpath", "-mod=mod", f"-ldflags=-s -w {said}")
    _run(("nice", "-n", "19", go, "build", *flags, "-o", "kubectl", "."), aside)
    return aside / "kubectl"


def _run(command: tuple[str, ...], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "CGO_ENABLED": "0"}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise MachineError(f"{command[0]} failed: {done.stderr.strip()[-300:]}", " ".join(command))
