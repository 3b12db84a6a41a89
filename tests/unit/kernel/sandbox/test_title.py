"""A process says what it is called."""

from __future__ import annotations

import subprocess
import sys

RENAMED = """
from pathlib import Path
from lab.kernel.sandbox.title import change
before = Path("/proc/self/environ").read_bytes()
kept = change(["/usr/bin/a-very-long-program", "-m", "w\\u00f6rter", ""])
print(Path("/proc/self/cmdline").read_bytes().decode().split("\\0"))
print(Path("/proc/self/comm").read_text().strip(), Path("/proc/self/environ").read_bytes() == before)
"""


def test_ps_shows_its_words_and_its_environment_stays() -> None:
    done = subprocess.run([sys.executable, "-c", RENAMED], capture_output=True, text=True, check=True)
    words, rest = done.stdout.splitlines()
    assert words == "['/usr/bin/a-very-long-program', '-m', 'wörter', '', '']"
    assert rest == "a-very-long-pro True"
