"""Which programs the lab needs of the machine, and how a person gets those that are missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.errors import MachineError
from lab.kernel.host import packages

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine whose only programs are those put into this folder."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(packages, "SYSTEM_FOLDERS", ())
    return tmp_path


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).touch(mode=0o755)


def test_nothing_is_said_when_all_is_there(bare: Path) -> None:
    put(bare, *packages.BUILDING)
    packages.require()


def test_what_is_missing_is_named_with_its_purpose_and_the_line_that_installs_it(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bare, "iptables", "ipset")
    monkeypatch.setattr(packages, "family", lambda: "debian")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(MachineError) as refused:
        packages.require()
    assert str(refused.value) == (
        "this machine lacks crun (for the DNS servers' containers); "
        "dnsmasq (for names: the cluster's DNS and the internet's)"
    )
    assert refused.value.hint == "sudo apt-get install --no-install-recommends -y crun dnsmasq-base"


def test_only_what_was_asked_for_is_looked_at(bare: Path) -> None:
    put(bare, "tcpdump")
    packages.require(["tcpdump"])


def test_iptables_is_found_where_an_ordinary_user_does_not_look(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(tmp_path, "iptables")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(packages, "SYSTEM_FOLDERS", (str(tmp_path),))
    assert packages.find("iptables") == str(tmp_path / "iptables")


@pytest.mark.parametrize(
    ("os_release", "family"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n', "debian"),
        ("ID=ubuntu\nID_LIKE=debian\n", "debian"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "debian"),
        ("ID=fedora\n", "fedora"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "fedora"),
        ("ID=arch\n", "arch"),
        ("ID=manjaro\nID_LIKE=arch\n", "arch"),
        ("ID=alpine\n", None),
        ("", None),
    ],
)
def test_the_distribution_is_known_by_what_it_is_like(os_release: str, family: str | None, tmp_path: Path) -> None:
    file = tmp_path / "os-release"
    file.write_text(os_release)
    assert packages.family(file) == family


def test_a_machine_that_does_not_say_what_it_is_gets_the_programs_names(tmp_path: Path) -> None:
    assert packages.family(tmp_path / "absent") is None
    assert packages.how_to_get(packages.PROGRAMS[:2], None) == "install the packages that have ip, iptables"


def test_inv_installs_what_the_lab_needs() -> None:
    """`inv` has the same table in sh: it runs where there is no Python yet."""
    table = re.search(r"^lab_programs='\n(.*?)^'$", (ROOT / "inv").read_text(), re.MULTILINE | re.DOTALL)
    assert table is not None
    rows = [tuple(line.split()) for line in table[1].splitlines()]
    assert [row for row in rows if not row[0].startswith("/")] == [
        (each.name, each.packages["debian"], each.packages["fedora"], each.packages["arch"])
        for each in packages.PROGRAMS
    ]
