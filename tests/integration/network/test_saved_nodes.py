"""Whole dumps of real machines as firewalls of a lab: loaded to the letter, obeyed, or refused before it is built.

node-0 (pod-0, client) ─┬─ node-1 (pod-1) ─ node-2 (pod-2) ─── router
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.labs import Lab, inv, standing

SAVED = Path(__file__).parents[2] / "golden" / "saved"
TOPOLOGY = """\
apiVersion: hoplab/v1
kind: Topology
metadata: {name: saved}
spec:
  nodes: [{name: node-0}, {name: node-1}, {name: node-2}]
  firewalls:
"""
CALICO = "    - {on: node-0, rulesFile: calico.rules, setsFile: calico.sets}\n"
DOCKER = "    - {on: node-1, rulesFile: docker-libvirt.rules, setsFile: docker-libvirt.sets}\n"
FLANNEL = "    - {on: node-2, rulesFile: kubeadm-flannel.rules}\n"
UFW = "    - {on: router, rulesFile: ufw.rules}\n"
FIREWALLD = "    - {on: node-1, rulesFile: firewalld.rules, setsFile: firewalld.sets}\n"
TIMED_OUT = 28  # curl's status
OF_FLANNEL = ("--set", "cni.plugin=flannel")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("saved")
    for file in SAVED.iterdir():
        shutil.copy(file, made)
    return made


def file(folder: Path, name: str, *firewalls: str) -> str:
    path = folder / name
    path.write_text(TOPOLOGY + "".join(firewalls), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def lab(folder: Path) -> Iterator[Lab]:
    with standing(file(folder, "calico.yaml", CALICO, DOCKER, FLANNEL, UFW)) as one:
        yield one


def test_the_kernel_holds_them_to_the_letter(lab: Lab) -> None:
    assert lab.plan() == "# no changes"


def test_a_rule_with_a_set_of_the_file_decides(lab: Lab) -> None:
    told = lab.in_("node-0", "iptables-save")
    assert "-A INPUT -m set --match-set blocklist src" in told
    assert "*security" in told
    lab.in_("node-0", "ipset test blocklist 203.0.113.70")
    lab.in_("node-0", "ip addr add 203.0.113.70/32 dev lo")
    counted = "iptables -vxnL node-blocklist"
    before = lab.in_("node-0", counted)
    curl = "curl -s --max-time 1 --interface 203.0.113.70 http://10.0.1.10:9100"
    assert lab.exec_("node-0", *curl.split()).status == TIMED_OUT
    assert lab.in_("node-0", counted) != before, "the packet was in the set, and its rule dropped it"


def test_on_flannel_the_leftovers_of_calico_are_there_and_the_lab_goes_down_to_none(folder: Path) -> None:
    with standing(file(folder, "flannel.yaml", CALICO, FIREWALLD, FLANNEL), *OF_FLANNEL) as one:
        assert one.plan(*OF_FLANNEL) == "# no changes"
        assert '-A FORWARD -m comment --comment "cali:wUHhoiAYhphO9Mso" -j cali-FORWARD' in one.in_(
            "node-0", "iptables-save -t filter"
        )
        assert "all-intruders" in one.in_("node-1", "ipset list -n")
        bare = file(folder, "bare.yaml", "    []\n")
        one.up(*OF_FLANNEL, topology=bare).ok()
        assert one.in_("node-1", "ipset list -n").strip() == "", "the set of sets went before those in it"
        assert one.up("--plan", *OF_FLANNEL, topology=bare).ok().strip() == "# no changes"


def test_what_this_kernel_lacks_is_said_with_its_line_before_anything_is_built(folder: Path) -> None:
    rules = (
        "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n"
        '-A INPUT -m nosuchmatch --value 3 -j LOG --log-prefix "a -m b "\nCOMMIT\n'
    )
    (folder / "odd.rules").write_text(rules, encoding="ascii")
    one = Lab(file(folder, "odd.yaml", "    - {on: node-0, rulesFile: odd.rules}\n"))
    try:
        said = one.up().refused(1)
        assert "node-0: this kernel does not take these rules of the firewall:" in said
        assert 'odd.rules:4: -A INPUT -m nosuchmatch --value 3 -j LOG --log-prefix "a -m b "' in said
        assert "odd.rules:3" not in said
        assert "xt_nosuchmatch" in said
        assert not one.is_listed()
    finally:
        one.end()


def test_validate_says_which_sets_nothing_gives(folder: Path) -> None:
    said = inv("validate", "--topology", file(folder, "sets.yaml", "    - {on: node-0, rulesFile: calico.rules}\n"))
    assert "calico.rules:71:1: nothing gives the set blocklist" in said.refused(2)
