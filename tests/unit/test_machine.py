"""A machine that forbids what a lab needs says so in words that help."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.kernel import machine, programs


@pytest.fixture
def sysctls(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The only sysctls that this machine has."""
    values: dict[str, str] = {}
    monkeypatch.setattr(machine, "_sysctl", lambda name: values.get(name, ""))
    return values


def test_namespaces_that_can_be_made_and_do_nothing_are_apparmors_doing(sysctls: dict[str, str]) -> None:
    refused = machine.namespaces_refused(powerless=True)
    assert "forbids everything in them (AppArmor)" in str(refused)
    assert refused.hint == (
        "run it with sudo, or allow them: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    )
    assert sysctls == {}


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
        ("user.max_user_namespaces", "0", "user.max_user_namespaces=10000"),
        ("kernel.unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ],
)
def test_each_way_to_forbid_namespaces_has_the_line_that_allows_them(
    name: str, value: str, line: str, sysctls: dict[str, str]
) -> None:
    sysctls[name] = value
    assert machine.namespaces_refused(powerless=False).hint == f"run it with sudo, or allow them: sudo sysctl -w {line}"


def test_where_no_setting_forbids_them_sudo_is_what_remains(sysctls: dict[str, str]) -> None:
    sysctls.update({"user.max_user_namespaces": "96365", "kernel.unprivileged_userns_clone": "1"})
    assert machine.namespaces_refused(powerless=False).hint == "run it with sudo"


def outcome(status: int) -> subprocess.Popen[str]:
    return subprocess.Popen(("sh", "-c", f"exit {status}"), text=True)


def test_an_ubuntu_user_learns_that_the_namespace_is_powerless(
    monkeypatch: pytest.MonkeyPatch, sysctls: dict[str, str]
) -> None:
    # `true` runs in the new namespace; `ip link add` there is refused.
    monkeypatch.setattr(machine, "_start", lambda argv, _text, user: outcome(0 if argv == ("true",) and user else 2))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    found = {finding.name: finding for finding in machine.check()}
    assert not found["user namespaces"].ok
    assert found["user namespaces"].required, "an ordinary user has no lab without them"
    assert "kernel.apparmor_restrict_unprivileged_userns=0" in found["user namespaces"].how_to_get
    assert found["veth"].how_to_get == "not tried: no namespaces", "nothing can be said about the kernel's features"
    assert sysctls == {}


def test_a_feature_that_only_some_need_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, sysctls: dict[str, str]
) -> None:
    monkeypatch.setattr(machine, "_start", lambda argv, _text, **_: outcome(2 if "ipip" in argv else 0))
    monkeypatch.setattr(machine, "loadable", lambda _: frozenset(("ipip",)))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    found = {finding.name: finding for finding in machine.check()}
    assert not found["ipip"].ok
    assert not found["ipip"].required
    assert found["ipip"].how_to_get == "modprobe ipip; or choose `encapsulation: VXLANCrossSubnet`"
    assert found["vxlan"].ok
    assert sysctls == {}


def test_a_program_that_never_answers_counts_as_a_feature_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "ANSWER_SECONDS", 0.01)
    silent = subprocess.Popen(("sleep", "60"), text=True)
    assert not machine._succeeded(silent)
    assert silent.returncode is not None, "it was ended, not left behind"


def test_a_module_is_advised_only_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "modules.dep").write_text("kernel/net/ipv4/ipip.ko.zst: kernel/net/ipv4/ip_tunnel.ko.zst\n")
    (tmp_path / "modules.builtin").write_text("kernel/net/netfilter/xt_MASQUERADE.ko\nkernel/drivers/net/br-x.ko\n")
    assert machine.loadable(tmp_path) == {"ipip", "xt_masquerade", "br_x"}
    assert machine.loadable(tmp_path / "absent") == frozenset()


def test_what_the_kernel_lacks_is_not_called_a_missing_program(
    monkeypatch: pytest.MonkeyPatch, sysctls: dict[str, str]
) -> None:
    monkeypatch.setattr(machine, "_start", lambda argv, _text, **_: outcome(0 if argv == ("true",) else 1))
    monkeypatch.setattr(machine, "loadable", lambda _: frozenset())
    monkeypatch.setattr("os.geteuid", lambda: 0)
    lacking = {finding.name: finding.how_to_get for finding in machine.check()}
    assert lacking["ip_vs"] == "this kernel has no ip_vs, and this machine no such module; or choose `proxy: iptables`"
    assert sysctls == {}


def test_a_missing_program_is_told_with_its_package_and_not_as_the_kernels_lack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = programs.find
    monkeypatch.setattr(programs, "find", lambda name: None if name == "nft" else there(name))
    monkeypatch.setattr(programs, "family", lambda: "fedora")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    found = {finding.name: finding for finding in machine.check()}
    assert found["nftables"].how_to_get == "nft is missing: dnf install -y nftables; or choose `proxy: iptables`"
