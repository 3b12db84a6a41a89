"""Settings that a kernel has or has not: on a folder in the place of /proc/sys."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.kernel import sysctl
from lab.network.objects import Sysctl

BRIDGED = "net.bridge.bridge-nf-call-iptables"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sysctl, "ROOT", str(tmp_path))
    (tmp_path / "net" / "ipv4").mkdir(parents=True)
    (tmp_path / "net" / "ipv4" / "ip_forward").write_text("0\n", encoding="ascii")
    return tmp_path


def test_what_is_written_is_read(root: Path) -> None:
    sysctl.write(Sysctl("node-0", "net.ipv4.ip_forward", "1"))
    assert (root / "net" / "ipv4" / "ip_forward").read_text()[:1] == "1"
    names = ("net.ipv4.ip_forward", "net.ipv4.unheard_of")
    assert [one.value for one in sysctl.read("node-0", names)] == ["1"]


def test_without_br_netfilter_nothing_on_a_bridge_meets_iptables() -> None:
    sysctl.write(Sysctl("underlay", BRIDGED, "0"))
    assert list(sysctl.read("underlay", (BRIDGED,))) == [Sysctl("underlay", BRIDGED, "0")]
    with pytest.raises(FileNotFoundError):
        sysctl.write(Sysctl("node-0", BRIDGED, "1"))
