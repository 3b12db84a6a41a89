"""A machine that has tunl0, gre0, sit0 and erspan0, and an ordinary user who brings a lab up in it.

Not by `up --vm`, inside of which everything is root's: the machine boots, and somebody types.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.integration.labs import ROOT
from tests.vm.labs import console_of

UID = "1000"
COMMANDS = 5
FALLBACK = ("tunl0", "gre0", "sit0", "erspan0")


def test_labs_come_up_for_an_ordinary_user_where_devices_are_that_nobody_asked_for(tmp_path: Path) -> None:
    script = ROOT / "tests" / "vm" / "ordinary-user.sh"
    told = console_of(tmp_path, "sh", str(script), UID, str(ROOT), sys.prefix, Path(sys.executable).name)

    assert all(f"machine has {name}" in told for name in FALLBACK), told
    assert f"user is {UID}" in told, told
    assert "ready in" in told, told
    assert "no changes" in told, told
    assert all(name in told.partition(" exec ")[2] for name in FALLBACK), told
    assert "delivered: HTTP/1.1 200 OK from namespace001/pod-3" in told, told
    assert told.count("status 0\n") == COMMANDS, told
