"""An ordinary user with an image of Hoplab, who has built it; what runs in it, by podman or as a Pod."""

from __future__ import annotations

import os
import pwd
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.bare import finding_packages
from dev.image import ROOT_VARIABLE
from dev.suite import USER
from tests.image.pod import FIRST_ID, Pod
from tests.integration.labs import Done

HOME, CHECKOUT = Path("/mnt/home"), Path("/mnt/checkout")
"""As dev/image-room.sh has made them."""
PATIENCE_SECONDS = 90.0  # for a command; a lab is up in a few seconds
BUILD_SECONDS = 600.0  # packages are fetched
BASE, IMAGE = "localhost/bare", "hoplab"


def _run(argv: tuple[str, ...], seconds: float, cwd: Path, environment: dict[str, str]) -> Done:
    done = subprocess.run(
        argv, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
    )
    return Done(argv, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def as_user(*argv: str, seconds: float = PATIENCE_SECONDS) -> Done:
    """What the ordinary user types in the checkout."""
    user = pwd.getpwnam(USER)
    become = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    environment = {
        "HOME": str(HOME),
        "LANG": "C.UTF-8",
        "LOGNAME": USER,
        "PATH": os.environ["PATH"],
        "STORAGE_DRIVER": "overlay",  # what podman chooses by itself depends on what is installed beside it
        "TMPDIR": str(HOME / "tmp"),
        "USER": USER,
        "XDG_RUNTIME_DIR": str(HOME / "run"),
    }
    return _run((*become, *argv), seconds, CHECKOUT, environment)


@pytest.fixture(scope="session")
def image() -> str:
    """Built as docs/platforms.md says, but upon a root that was made here, and without keeping each step."""
    finding = (word for each in finding_packages().items() for word in ("--change", "ENV {}={}".format(*each)))
    as_user("podman", "import", "--quiet", *finding, os.environ[ROOT_VARIABLE], BASE, seconds=BUILD_SECONDS).ok()
    further = ("--layers=false", "--network=host", "--build-arg", f"BASE={BASE}")
    as_user(*("podman", "build", *further, "-f", "deploy/Containerfile", "-t", IMAGE, "."), seconds=BUILD_SECONDS).ok()
    return IMAGE


RunPod = Callable[..., Done]
"""Of a Pod, what is to run in it, and a system call that is forbidden there."""


@pytest.fixture(scope="session")
def run_pod(image: str) -> RunPod:
    """Run a shell's line in a container as that Pod would have it; by root, as the kubelet is."""
    bundle = Path("/mnt/bundle")
    rootfs = bundle / "rootfs"
    rootfs.mkdir(parents=True)
    saved = HOME / "tmp" / "rootfs.tar"
    as_user("podman", "create", "--name", "saved", "--network=none", image).ok()
    as_user("podman", "export", "--output", str(saved), "saved").ok()
    as_user("podman", "rm", "saved").ok()
    os.chown(rootfs, FIRST_ID, FIRST_ID)
    with tarfile.open(saved) as files:
        for member in files:
            member.uid, member.gid = member.uid + FIRST_ID, member.gid + FIRST_ID
            files.extract(member, rootfs, numeric_owner=True)
    saved.unlink()

    def run(pod: Pod, script: str, forbidden: str = "") -> Done:
        (bundle / "config.json").write_text(pod.config(rootfs, ("sh", "-c", script), forbidden), encoding="utf-8")
        runtime = ("crun", "--cgroup-manager=disabled", "--root=/mnt/crun")
        return _run((*runtime, "run", "--bundle", str(bundle), "pod"), PATIENCE_SECONDS, bundle, dict(os.environ))

    return run
