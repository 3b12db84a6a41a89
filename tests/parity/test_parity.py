"""The lab's rules beside those of Kubernetes' own kube-proxy, which runs in the same nodes against the same API.

node-0 (zone-a) ── subnet-a ── node-1 (zone-b)     router ── subnet-b ── node-2 (no zone)

`./inv test --parity` makes the real one and runs this. With HOPLAB_WRITE_GOLDEN=1 what the real one has made becomes
the golden files below tests/golden/parity, with which tests/unit/network/kubeproxy/test_parity.py compares every time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest
import yaml

from dev.kubeproxy import program, version_of
from lab.errors import MachineError
from lab.kernel.host.packages import find
from lab.network.kubeproxy.standalone import rules_of
from lab.vm import kernels, machine
from tests.integration.labs import Lab, finish, inv, until
from tests.integration.living import Api, settle
from tests.parity.changes import Changes
from tests.parity.lines import lines_of
from tests.parity.nodes import SECONDS, Settings, printed, real_proxies, recorded
from tests.parity.population import CASES, LONG_NAMESPACE, NAMESPACE, NODES, TOPOLOGY, service, slices

GOLDEN = Path(__file__).parents[1] / "golden" / "parity"
SEED, CHANGES = 1237, 100
AT_ONCE = {"iptables": 20, "nftables": 20, "ipvs": 50}  # in a machine that is emulated each look takes a minute
BOOT_SECONDS = 600.0  # in a machine that is emulated, with whatever else runs here

pytestmark = [
    pytest.mark.skipif(not find("nft"), reason="this machine has no nft"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root's labs can be privileged"),
]


@pytest.fixture(scope="module", params=["iptables", "nftables", "ipvs"])
def mode(request: pytest.FixtureRequest) -> str:
    """One after the other; ipvs mode in a virtual machine, for the kernel answers IPVS to root of the machine alone."""
    found = str(request.param)
    if not program(version_of(found)).exists():
        pytest.skip(f"no kube-proxy {version_of(found)}: ./inv test --parity makes it")
    if found == "ipvs":
        try:
            machine.require()
            kernels.find()
        except MachineError as error:
            pytest.skip(f"{error}: ./inv setup --vm")
        if not find("ipvsadm"):
            pytest.skip("this machine has no ipvsadm")
    return found


@pytest.fixture(scope="module")
def populated(mode: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab in that mode with all the Services."""
    path = tmp_path_factory.mktemp("parity") / "parity.yaml"
    path.write_text(TOPOLOGY, encoding="utf-8")
    one = Lab(str(path))
    try:
        # Without --privileged one transaction of the real one's is more than a socket takes (net.core.wmem_default).
        where = "--vm" if mode == "ipvs" else "--privileged"
        shared = str(program(version_of(mode)).parent)
        finish(one.start_up("--set", f"services.proxy={mode}", "--share", shared, where), seconds=BOOT_SECONDS).ok()
        api = Api(one)
        for namespace in (NAMESPACE, LONG_NAMESPACE):
            api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        for number, case in enumerate(CASES):
            api.create(service(case, number))
            if case.ingress:
                status = {"status": {"loadBalancer": {"ingress": list(case.ingress)}}}
                api.patch("Service", case.namespace, case.name, status, "status")
            for item in slices(case):
                api.create(item)
        settle(one)
        yield one
    finally:
        one.end()


def told(want: list[str], have: list[str], who: str) -> str:
    return "\n".join(unified_diff(want, have, "Kubernetes' own", who, lineterm="", n=1))


def ours(lab: Lab, node: str, mode: str, settings: Settings) -> list[str]:
    """What `rules` prints for what the API holds."""
    objects = json.dumps(recorded(Api(lab)))
    return lines_of(mode, rules_of(objects, "the API", node, settings.asked(mode, node)).text())


def stop_our_own(lab: Lab) -> None:
    inv("component.stop", "kube-proxy", "--lab", lab.name).ok()


@pytest.fixture(scope="class")
def held(populated: Lab, mode: str) -> Iterator[dict[str, list[str]]]:
    """What our own had made, by node; the real ones run by now, with the usual options."""
    made = {node: printed(populated, node, mode) for node in NODES}
    stop_our_own(populated)
    with real_proxies(populated, mode, Settings()):
        yield made


class TestWithTheUsualOptions:
    """The same real ones from the first line to the last change."""

    def test_every_line_is_the_real_ones(self, populated: Lab, mode: str, held: dict[str, list[str]]) -> None:
        for node in NODES:
            real = alike(populated, node, mode, Settings(), "at first")
            if os.environ.get("HOPLAB_WRITE_GOLDEN"):
                write(mode, node, real, Api(populated))
            assert held[node] == real, told(real, held[node], f"the lab's own in {node}")

    @pytest.mark.usefixtures("held")
    def test_every_line_stays_so_as_services_change(self, populated: Lab, mode: str) -> None:
        changes = Changes(Api(populated), SEED)
        for number in range(AT_ONCE[mode], CHANGES + 1, AT_ONCE[mode]):
            changes.make(AT_ONCE[mode])
            for node in NODES:
                alike(populated, node, mode, Settings(), f"after {number} changes")
        assert len(changes.refused) < CHANGES, changes.refused


@pytest.mark.parametrize(
    "settings",
    [
        Settings(masquerade_all=True, nodeport_addresses=("primary",), scheduler="mh"),
        Settings(cluster_cidr="", nodeport_addresses=("10.0.0.0/16", "127.0.0.0/8")),
        Settings(nodeport_addresses=("0.0.0.0/0",), localhost_nodeports=False),
    ],
    ids=["masqueradeAll", "no clusterCIDR", "no localhostNodePorts"],
)
def test_so_it_is_with_other_options(populated: Lab, mode: str, settings: Settings) -> None:
    stop_our_own(populated)
    with real_proxies(populated, mode, settings):
        for node in NODES:
            alike(populated, node, mode, settings, "with other options")


def alike(lab: Lab, node: str, mode: str, settings: Settings, when: str) -> list[str]:
    """The real one follows within a second or so, or 30 seconds after what it could not load: it must come to what we
    say, which this gives.
    """
    want = ours(lab, node, mode, settings)
    assert len(want) > 100, want
    try:
        until(lambda: printed(lab, node, mode) == want, f"{node} is as we say {when}", SECONDS)
    except AssertionError as error:
        raise AssertionError(f"{error}:\n{told(printed(lab, node, mode), want, f'rules for {node}')}") from None
    return want


def write(mode: str, node: str, lines: list[str], api: Api) -> None:
    folder = GOLDEN / mode
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{node}.txt").write_text("\n".join((f"# kube-proxy {version_of(mode)}", *lines)) + "\n")
    text = yaml.safe_dump(recorded(api), sort_keys=False, default_flow_style=None, width=118)
    (GOLDEN / "objects.yaml").write_text(text)
