"""A real kernel gives back every rule of the design byte for byte: `iptables-restore`, then `iptables-save`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from lab.kernel.host.packages import SYSTEM_FOLDERS, find
from lab.network.design import assign, design
from lab.network.objects import Chain, IpSet, Network
from lab.network.objects.saved_rule import saved_forms
from lab.topology import load_topology
from tests.clusters import cluster_of
from tests.unit.network.objects.test_saved_rule import TYPED_AND_SAVED

TOPOLOGIES = Path(__file__).parents[3] / "topologies"
USER = ("unshare", "--user", "--map-root-user", "--net", "--mount")
ROOT = ("unshare", "--net", "--mount")
LOAD_AND_SAVE = (
    'mount -t tmpfs tmpfs /run && printf "%s" "$SETS" | ipset restore && iptables-restore --noflush && iptables-save'
)
BATCH = 200  # rules; without root one transaction cannot be larger than a socket's buffer (net.core.wmem_default)
BUILT_IN = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")

Saved = dict[tuple[str, str], list[str]]

pytestmark = pytest.mark.skipif(not find("iptables-restore"), reason="this machine has no iptables")


@pytest.fixture(params=[USER, ROOT], ids=["user", "root"])
def sandbox(request: pytest.FixtureRequest) -> tuple[str, ...]:
    if request.param is ROOT and os.geteuid() != 0:
        pytest.skip("only root has a network namespace without a user namespace")
    return tuple(request.param)


def network(name: str, *settings: str) -> Network:
    path = TOPOLOGIES / f"{name}.yaml"
    loaded = load_topology(path.read_text(), path.name, lambda other: (path.parent / other).read_text(), settings)
    cluster = cluster_of(loaded)
    return design(loaded.topology, cluster, assign(loaded.topology, cluster))


def through_the_kernel(sandbox: tuple[str, ...], text: str, sets: Iterable[IpSet] = ()) -> Saved:
    told = "".join(
        f"create {item.name} {item.type}\n" + "".join(f"add {item.name} {member}\n" for member in item.members)
        for item in sets
    )
    command = [*sandbox, "sh", "-c", LOAD_AND_SAVE]
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS))
    environment = {**os.environ, "PATH": path, "SETS": told}
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, f"the kernel refused the rules: {done.stderr}"
    return by_chain(done.stdout)


def by_chain(text: str) -> Saved:
    """Rules of every chain; empty built-in chains do not count."""
    found: Saved = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            found[table, line.split()[0][1:]] = []
        elif line.startswith("-A "):
            found[table, line.split()[1]].append(line)
    return {(table, chain): rules for (table, chain), rules in found.items() if rules or chain not in BUILT_IN}


def as_input(chains: list[Chain]) -> str:
    """All chains first, for rules jump to them, then the rules in batches that an ordinary user may load."""
    lines: list[str] = []
    for table in dict.fromkeys(chain.table for chain in chains):
        own = [chain for chain in chains if chain.table == table]
        lines += [f"*{table}", *(f":{chain.name} {chain.policy or '-'} [0:0]" for chain in own), "COMMIT"]
        rules = [f"-A {chain.name} {rule.text}" for chain in own for rule in chain.rules]
        for start in range(0, len(rules), BATCH):
            lines += [f"*{table}", *rules[start : start + BATCH], "COMMIT"]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("topology", "settings"),
    [
        *((path.stem, ()) for path in sorted(TOPOLOGIES.glob("*.yaml"))),
        ("two-subnet", ("cni.encapsulation=None",)),
        ("two-subnet", ("cni.encapsulation=IPIP",)),
    ],
)
def test_every_place_gets_back_the_rules_of_the_design(
    sandbox: tuple[str, ...], topology: str, settings: tuple[str, ...]
) -> None:
    objects = network(topology, *settings)
    for place in objects.places:
        chains = [item for item in objects if isinstance(item, Chain) and item.place == place]
        if chains:
            text = as_input(chains)
            sets = [item for item in objects if isinstance(item, IpSet) and item.place == place]
            assert through_the_kernel(sandbox, text, sets) == by_chain(text), f"rules of {place}"


@pytest.mark.parametrize("typed", [typed for typed, _ in TYPED_AND_SAVED])
def test_a_rule_as_people_type_it_is_saved_in_the_words_that_we_expect(typed: str) -> None:
    text = f"*filter\n:mine - [0:0]\n-A INPUT {typed}\nCOMMIT\n"
    saved = through_the_kernel(USER, text)
    assert saved["filter", "INPUT"] == [f"-A INPUT {form}" for form in saved_forms(typed)]
