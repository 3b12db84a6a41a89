"""What `rules` prints can be loaded, and a kernel gives it back: iptables (nft and legacy) and nft itself."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.network.kubeproxy.standalone import NodeRules, Options, rules_of

GOLDEN = Path(__file__).parents[2] / "golden" / "rules"
OBJECTS = (GOLDEN / "objects.yaml").read_text()
SANDBOX = ("unshare", "--user", "--map-root-user", "--net", "--mount", "sh", "-c")
# Table by table: which ones there are, iptables-legacy-save reads from a file that only the machine's root may read.
LOAD_AND_SAVE = "mount -t tmpfs tmpfs /run && {0}-restore --noflush && {0}-save -t filter && {0}-save -t nat"
NFT = "nft -f - && nft list ruleset"


def rules(mode: str, text: str = OBJECTS) -> NodeRules:
    return rules_of(text, "objects", "node-0", Options(mode, "10.244.0.0/16").checked())


def loaded(text: str, script: str, **variables: str) -> str:
    """The text, loaded and saved by a script in namespaces of their own."""
    done = subprocess.run(
        [*SANDBOX, script],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **variables},
    )
    assert done.returncode == 0, f"{script}: {done.stderr}"
    return done.stdout


def by_chain(text: str) -> dict[tuple[str, str], list[str]]:
    """Rules of each chain, in order; chains without rules are there when they are not built in."""
    found: dict[tuple[str, str], list[str]] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":") and line.split()[1] == "-":
            found.setdefault((table, line[1:].split()[0]), [])
        elif line.startswith("-A "):
            _, chain, rule = line.split(" ", 2)
            found.setdefault((table, chain), []).append(rule)
    return found


def need(tool: str) -> None:
    """Skips where the machine has no such tool, or its kernel has not what it talks to."""
    tried = subprocess.run(
        [*SANDBOX, f"mount -t tmpfs tmpfs /run && {tool}"], capture_output=True, text=True, check=False, timeout=60
    )
    if tried.returncode:
        pytest.skip(f"`{tool}` does not work in a namespace of its own here: {tried.stderr.strip()}")


@pytest.fixture(autouse=True, scope="module")
def _iptables_works() -> None:
    need("iptables-nft -S")


@pytest.mark.parametrize("explained", [False, True], ids=["plain", "explained"])
@pytest.mark.parametrize("tool", ["iptables-nft", "iptables-legacy"])
def test_iptables_gives_back_what_was_printed(tool: str, explained: bool) -> None:
    need(f"{tool} -S")
    text = rules("iptables").text(explained=explained)
    saved = loaded(text, LOAD_AND_SAVE.format(tool))
    assert by_chain(saved) == by_chain(text)
    assert rules("iptables").compared(saved, "saved").differences == []


@pytest.mark.parametrize("explained", [False, True], ids=["plain", "explained"])
def test_nft_gives_back_what_was_printed(explained: bool) -> None:
    text = rules("nftables").text(explained=explained)
    saved = loaded(text, NFT)
    assert rules("nftables").compared(saved, "saved").differences == []
    assert loaded(text * 2, NFT) == saved, "loaded twice, it is there once"


def test_what_was_there_stays() -> None:
    script = (
        "mount -t tmpfs tmpfs /run && iptables-nft -P FORWARD DROP && iptables-nft -A FORWARD -s 10.0.0.1 -j ACCEPT && "
        "iptables-nft-restore --noflush && iptables-nft-save"
    )
    saved = loaded(rules("iptables").text(), script)
    assert ":FORWARD DROP" in saved
    assert "-A FORWARD -s 10.0.0.1/32 -j ACCEPT" in saved


def test_sets_of_ipvs_mode_load_and_are_given_back() -> None:
    sections = rules("ipvs").text(explained=True).split("### ")
    sets = next(part for part in sections if part.startswith("ipset restore")).split("\n", 1)[1]
    saved = loaded("\n".join(line for line in sets.split("\n") if line), "ipset restore && ipset save")
    assert sorted(line for line in saved.split("\n") if line.startswith("add")) == sorted(
        line for line in sets.split("\n") if line.startswith("add")
    )


def test_rules_of_ipvs_mode_load_beside_its_sets() -> None:
    """Without a load balancer that the node may not use: not every kernel has the match for that (xt_ipvs)."""
    text = rules("ipvs", OBJECTS.replace("[203.0.113.0/24,", "[10.0.1.0/24, 203.0.113.0/24,")).text()
    sections = dict(part.split("\n", 1) for part in text.split("### ")[1:])
    restored = sections["iptables-restore --noflush"]
    script = 'printf "%s" "$SETS" | ipset restore && ' + LOAD_AND_SAVE.format("iptables-nft")
    assert by_chain(loaded(restored, script, SETS=sections["ipset restore"].strip() + "\n")) == by_chain(restored)


ADDRESSES = st.integers(1, 200).map(lambda number: f"10.244.{number % 3}.{number}")
CONDITIONS = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from([True, False, None]) for name in ("ready", "serving", "terminating")}
)
ENDPOINT = st.fixed_dictionaries(
    {"addresses": ADDRESSES.map(lambda one: [one]), "conditions": CONDITIONS},
    optional={"nodeName": st.sampled_from(["node-0", "node-1"])},
)
SPEC = st.fixed_dictionaries(
    {"type": st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"]), "protocol": st.sampled_from(["TCP", "UDP"])},
    optional={
        "sessionAffinity": st.just("ClientIP"),
        "internalTrafficPolicy": st.just("Local"),
        "externalTrafficPolicy": st.just("Local"),
        "externalIPs": st.just(["198.51.100.7"]),
        "loadBalancerSourceRanges": st.just(["203.0.113.0/24", "10.0.1.0/24"]),
    },
)


def objects(drawn: list[tuple[dict[str, object], list[dict[str, object]]]]) -> str:
    items: list[dict[str, object]] = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "node-0"},
            "status": {"addresses": [{"type": "InternalIP", "address": "10.0.1.10"}]},
        }
    ]
    for number, (spec, endpoints) in enumerate(drawn):
        name, protocol = f"web-{number}", spec["protocol"]
        port = {"port": 80 + number, "protocol": protocol} | (
            {"nodePort": 30000 + number} if spec["type"] != "ClusterIP" else {}
        )
        items += [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name, "namespace": "shop"},
                "spec": {**spec, "clusterIP": f"10.96.0.{number + 1}", "ports": [port]},
                "status": {"loadBalancer": {"ingress": [{"ip": f"192.0.2.{number + 1}"}]}},
            },
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {"name": name, "namespace": "shop", "labels": {"kubernetes.io/service-name": name}},
                "addressType": "IPv4",
                "endpoints": endpoints,
                "ports": [{"port": 8080, "protocol": protocol}],
            },
        ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(SPEC, st.lists(ENDPOINT, max_size=4)), max_size=4))
def test_whatever_the_objects_are_their_rules_load_and_come_back(
    drawn: list[tuple[dict[str, object], list[dict[str, object]]]],
) -> None:
    text = objects(drawn)
    printed = rules("iptables", text).text()
    saved = loaded(printed, LOAD_AND_SAVE.format("iptables-nft"))
    assert by_chain(saved) == by_chain(printed)
    assert rules("iptables", text).compared(saved, "saved").differences == []
    table = loaded(rules("nftables", text).text(), NFT)
    assert rules("nftables", text).compared(table, "saved").differences == []
