"""The root file system of a machine that has nothing: how it is made, and what it takes over of this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dev import ROOT

# An ordinary user becomes root of a namespace that has the user ids which /etc/subuid grants.
AS_ROOT = () if os.geteuid() == 0 else ("--map-root-user", "--map-auto")

# How this machine finds others, how its pip finds packages, and whom both trust: files, and settings that name files.
_KEPT_FILES = (
    "/etc/hosts",
    "/etc/pip.conf",
    "/etc/xdg/pip/pip.conf",
    "~/.pip/pip.conf",
    "~/.config/pip/pip.conf",
    "/usr/local/share/ca-certificates",
)
_FILES_IN_SETTINGS = ("PIP_CONFIG_FILE", "PIP_CERT", "PIP_FIND_LINKS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


def finding_packages() -> dict[str, str]:
    """What of this machine's environment says how packages are found."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _FILES_IN_SETTINGS or name.startswith("PIP_") or name.lower() in _PROXIES
    }


def settings() -> dict[str, str]:
    """That, and what a terminal has."""
    return finding_packages() | {name: os.environ[name] for name in ("HOME", "PATH", "TERM") if name in os.environ}


def make_root(folder: Path) -> Path | None:
    """A tar file with it, made in this folder; None, and why is printed, where it could not be made."""
    keep, tar = folder / "keep", folder / "root.tar"
    named = [word for name in _FILES_IN_SETTINGS for word in os.environ.get(name, "").split()]
    kept = [str(Path(path).expanduser()) for path in (*_KEPT_FILES, *named) if path.startswith(("/", "~"))]
    keep.write_text("".join(f"{path}\n" for path in kept), encoding="utf-8")
    print("making a machine with nothing on it", flush=True)
    made = subprocess.run(
        ("unshare", "--mount", *AS_ROOT, "sh", ROOT / "dev" / "bare-root.sh", keep, tar),
        env=settings(),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if made.returncode:
        print("it could not be made", file=sys.stderr)
        return None
    return tar
