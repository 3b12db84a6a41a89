"""What root's lab gives to its own root: folders of its own file system, and none that it only shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.kernel.sandbox import root
from lab.kernel.syscalls import MS_BIND, mount
from tests.integration.sandboxed import sandboxed

SOMEBODY = 7


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's lab has one id: nothing is given to another")
def test_a_shared_folder_stays_whose_it_is() -> None:
    stays()


@sandboxed
def stays() -> None:
    Path("/run/persons/below").mkdir(parents=True)
    Path("/srv/own").mkdir(parents=True)
    Path("/mnt/shared").mkdir(parents=True)
    mount("tmpfs", "/run/persons", "tmpfs")
    Path("/run/persons/below").mkdir(parents=True)
    mount("/run/persons", "/mnt/shared", "none", MS_BIND)  # as `--share` of a folder below one that is ours
    mount("/run/persons", "/home", "none", MS_BIND)  # as `--share` of such a folder itself
    root.give_to(SOMEBODY, SOMEBODY)
    given = ("/", "/srv", "/srv/own", "/mnt", "/tmp", "/var/lib")
    assert {path: Path(path).stat().st_uid for path in given} == dict.fromkeys(given, SOMEBODY)
    shown = ("/mnt/shared", "/mnt/shared/below", "/home", "/home/below", "/run/persons/below", "/usr")
    assert all(Path(path).stat().st_uid != SOMEBODY for path in shown), {
        path: Path(path).stat().st_uid for path in shown
    }
