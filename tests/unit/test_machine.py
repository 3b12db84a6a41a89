"""A machine that forbids what a lab needs says so in words that help."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.kernel.check import abilities
from lab.kernel.host import forbidding, modules, packages


@pytest.fixture
def sysctls(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The only sysctls that this machine has."""
    values: dict[str, str] = {}
    monkeypatch.setattr(forbidding, "sysctl", lambda name: values.get(name, ""))
    return values


def test_namespaces_that_can_be_made_and_do_nothing_are_apparmors_doing(sysctls: dict[str, str]) -> None:
    refused = forbidding.namespaces_refused(powerless=True)
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
        ("user.max_net_namespaces", "0", "user.max_net_namespaces=10000"),
        ("kernel.unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ],
)
def test_each_way_to_forbid_namespaces_has_the_line_that_allows_them(
    name: str, value: str, line: str, sysctls: dict[str, str]
) -> None:
    sysctls[name] = value
    assert (
        forbidding.namespaces_refused(powerless=False).hint == f"run it with sudo, or allow them: sudo sysctl -w {line}"
    )


def test_where_no_setting_forbids_them_sudo_is_what_remains(sysctls: dict[str, str]) -> None:
    sysctls.update({"user.max_user_namespaces": "96365", "kernel.unprivileged_userns_clone": "1"})
    assert forbidding.namespaces_refused(powerless=False).hint == "run it with sudo"


def outcome(status: int) -> subprocess.Popen[str]:
    return subprocess.Popen(("sh", "-c", f"exit {status}"), text=True)


def test_root_is_told_of_labs_without_user_namespaces() -> None:
    hint = str(forbidding.namespaces_refused(powerless=False, as_root=True).hint)
    assert hint.startswith("sysctl -w user.max_user_namespaces=10000; or `up --privileged`: then whoever")


def test_an_ubuntu_user_learns_that_the_namespace_is_powerless(
    monkeypatch: pytest.MonkeyPatch, sysctls: dict[str, str]
) -> None:
    # `true` runs in the new namespace; `ip link add` there is refused.
    monkeypatch.setattr(abilities, "_start", lambda argv, _text, user: outcome(0 if argv == ("true",) and user else 2))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    found = {finding.name: finding for finding in abilities.check()}
    assert not found["user namespaces"].ok
    assert found["user namespaces"].required, "an ordinary user has no lab without them"
    assert "kernel.apparmor_restrict_unprivileged_userns=0" in found["user namespaces"].how_to_get
    assert found["veth"].how_to_get == "not tried: no namespaces", "nothing can be said about the kernel's features"
    assert sysctls == {}


def test_a_feature_that_only_some_need_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, sysctls: dict[str, str]
) -> None:
    monkeypatch.setattr(abilities, "_start", lambda argv, _text, **_: outcome(2 if "ipip" in argv else 0))
    monkeypatch.setattr(modules, "loadable", lambda _folder, **_: frozenset(("ipip",)))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    found = {finding.name: finding for finding in abilities.check()}
    assert not found["ipip"].ok
    assert not found["ipip"].required
    assert found["ipip"].how_to_get == (
        "./inv setup --modules ipip (tunl0 appears in this machine's own network, and in every network namespace); "
        "or choose `encapsulation: VXLANCrossSubnet`, or `up --vm`"
    )
    assert found["vxlan"].ok
    assert sysctls == {}


def test_a_program_that_never_answers_counts_as_a_feature_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abilities, "ANSWER_SECONDS", 0.01)
    silent = subprocess.Popen(("sleep", "60"), text=True)
    assert not abilities._succeeded(silent)
    assert silent.returncode is not None, "it was ended, not left behind"


def test_a_module_is_advised_only_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "modules.dep").write_text("kernel/net/ipv4/ipip.ko.zst: kernel/net/ipv4/ip_tunnel.ko.zst\n")
    (tmp_path / "modules.builtin").write_text("kernel/net/netfilter/xt_MASQUERADE.ko\nkernel/drivers/net/br-x.ko\n")
    assert modules.loadable(tmp_path) == {"ipip", "xt_masquerade", "br_x"}
    assert modules.loadable(tmp_path / "absent") == frozenset()


def test_what_the_kernel_lacks_is_not_called_a_missing_program(
    monkeypatch: pytest.MonkeyPatch, sysctls: dict[str, str]
) -> None:
    monkeypatch.setattr(abilities, "_start", lambda argv, _text, **_: outcome(0 if argv == ("true",) else 1))
    monkeypatch.setattr(modules, "loadable", lambda _folder, **_: frozenset())
    monkeypatch.setattr("os.geteuid", lambda: 0)
    lacking = {finding.name: finding.how_to_get for finding in abilities.check()}
    assert lacking["ip_vs"] == (
        "this kernel has no ip_vs, and this machine no such module; or choose `proxy: iptables`, or `up --vm`"
    )
    assert sysctls == {}


def test_a_missing_program_is_told_with_its_package_and_not_as_the_kernels_lack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = packages.find
    monkeypatch.setattr(packages, "find", lambda name: None if name == "nft" else there(name))
    monkeypatch.setattr(packages, "family", lambda: "fedora")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    found = {finding.name: finding for finding in abilities.check()}
    assert found["nftables"].how_to_get == "nft is missing: dnf install -y nftables; or choose `proxy: iptables`"


def test_what_would_change_the_machine_is_not_tried_where_the_kernel_would_load_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tried: list[tuple[str, ...]] = []

    def start(argv: tuple[str, ...], _text: str, **_: object) -> subprocess.Popen[str]:
        tried.append(argv)
        return outcome(0)

    monkeypatch.setattr(abilities, "_start", start)
    monkeypatch.setattr(modules, "_LOADED", tmp_path)
    monkeypatch.setattr(modules, "loadable", lambda _folder, **_: frozenset(("ipip", "dummy", "vxlan", "sch_netem")))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    found = {finding.name: finding for finding in abilities.check()}
    assert not any("ipip" in argv or "dummy" in argv for argv in tried), "these put devices into the machine itself"
    assert not found["ipip"].ok
    assert found["netem"].ok, "loading it changes nothing that is seen"

    (tmp_path / "ipip").mkdir()
    assert modules.unloaded(("ipip", "dummy")) == ("dummy",), "what is loaded already may be asked for"


@pytest.mark.parametrize(
    ("release", "told"),
    [("5.15.153.1-microsoft-standard-WSL2", "WSL2"), ("6.1.0-57-cloud-amd64", "clouds"), ("6.1.0-57-amd64", "")],
)
def test_kernels_that_lack_things_are_known_by_their_names(release: str, told: str) -> None:
    said = forbidding.kernel_by_name(release)
    assert told in said
    assert bool(told) == bool(said)


def test_another_kernel_is_judged_by_its_modules(tmp_path: Path) -> None:
    (tmp_path / "modules.dep").write_text("kernel/net/ipv4/ipip.ko: \n")
    found = {finding.name: finding for finding in abilities.of_kernel(tmp_path)}
    assert found["ipip"].ok
    assert found["ip_vs"].how_to_get == "no ip_vs"
