"""A program that is missing in a place is named with the package that has it on this distribution."""

from __future__ import annotations

import subprocess

import pytest

from lab.kernel.host import tools


@pytest.mark.parametrize("family", ["debian", "fedora", "arch"])
@pytest.mark.parametrize("program", ["ping", "dig", "conntrack", "nc", "tcpdump", "ip"])
def test_what_everybody_looks_for_is_known(family: str, program: str) -> None:
    assert tools.how_to_get(program, family, root=True).split()[-1] == tools.packages(family)[program]


def test_the_line_is_the_distributions_own() -> None:
    assert tools.how_to_get("dig", "fedora", root=True) == "dnf install -y bind-utils"
    assert tools.how_to_get("dig", "arch", root=False) == "sudo pacman -S --needed bind"
    assert tools.how_to_get("nosuch", "debian", root=True) == tools.how_to_get("dig", None, root=True) == ""


def test_what_is_read() -> None:
    assert tools.missing("x", "") == "hoplab: x: not found on this machine\n"
    assert tools.missing("dig", "dnf y") == "hoplab: dig: not found on this machine\nhint: dnf y\n"


@pytest.mark.parametrize(("program", "hint"), [("dig-", ""), ("dig", "hint: sudo dnf install -y bind-utils\n")])
def test_a_shell_says_it_too(program: str, hint: str) -> None:
    environment = {"PATH": "/nowhere", **tools.handler("fedora", root=False)}
    bash = subprocess.run(
        ["/bin/bash", "--norc", "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert bash.returncode == 127
    assert bash.stderr == f"hoplab: {program}: not found on this machine\n{hint}"
