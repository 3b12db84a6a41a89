"""A command line that is being typed: what its last word can become."""

from __future__ import annotations

import pytest

from lab.tasks.commandline.completing import candidates
from tasks import TASKS as NAMED


class Facts:
    """Two labs; what is asked of one is remembered by its name."""

    def labs(self) -> list[str]:
        return ["one", "two"]

    def topologies(self) -> list[str]:
        return ["two-subnet", "three-subnet"]

    def kinds(self) -> list[str]:
        return ["nodes", "pods", "services"]

    def places(self, lab: str) -> list[str]:
        return [*self.nodes(lab), "router", *self.pods(lab)]

    def pods(self, _lab: str) -> list[str]:
        return ["shop/web-0", "web-0"]

    def nodes(self, lab: str) -> list[str]:
        return [f"node-of-{lab or 'any'}"]

    def targets(self, lab: str) -> list[str]:
        return ["web.shop", *self.places(lab)]

    def namespaces(self, _lab: str) -> list[str]:
        return ["default", "shop"]

    def objects(self, lab: str, kind: str, namespace: str) -> list[str]:
        return [f"{lab}:{kind}:{namespace}"]


def completed(line: str) -> list[str]:
    """What the word after the last space can become."""
    return candidates(NAMED, line.split(" "), Facts())


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("tr", ["trace", "trace.diff"]),
        ("--l", ["--list"]),
        ("--print-completion-script ", ["bash", "zsh", "fish"]),
        ("help tra", ["trace", "trace.diff"]),
        ("get ", ["nodes", "pods", "services"]),
        ("get po", ["pods"]),
        ("get pods ", [":pods:"]),
        ("get pods -L one -n shop ", ["one:pods:shop"]),
        ("get pods -n ", ["default", "shop"]),
        ("get pods -o ", ["wide", "json", "yaml"]),
        ("get pods -A ", [":pods:"]),
        ("down --lab t", ["two"]),
        ("down -L ", ["one", "two"]),
        ("down --lab=t", ["--lab=two"]),
        ("down --lab = t", ["two"]),
        ("down --lab =", ["one", "two"]),
        ("up --top", ["--topology"]),
        ("up -t t", ["two-subnet", "three-subnet"]),
        ("up --profile -t t", ["two-subnet", "three-subnet"]),
        ("up --profile --top", ["--topology"]),
        ("up --profile x.json --top", ["--topology"]),
        ("up --profile ", []),
        ("calicoctl --on ", ["node-of-any"]),
        ("calicoctl -L one --on ", ["node-of-one"]),
        ("calicoctl -- ", ["get", "ipam", "node", "version"]),
        ("calicoctl -- get ", ["ippools", "nodes", "workloadendpoints"]),
        ("calicoctl -- get -A w", ["workloadendpoints"]),
        ("calicoctl -- get nodes -o ", ["ps", "wide", "yaml", "json", "custom-columns="]),
        ("calicoctl -- get nodes --al", ["--all-namespaces", "--allow-version-mismatch"]),
        ("calicoctl -- node ", ["status"]),
        ("calicoctl -- ipam show --show-b", ["--show-blocks", "--show-borrowed"]),
        ("calicoctl -- ipam check --show-a", ["--show-all-ips"]),
        ("calicoctl -- version --cl", ["--client"]),
        ("calicoctl -- apply ", []),
        ("exec node-", ["node-of-any"]),
        ("exec --lab=one node-", ["node-of-one"]),
        ("exec --lab = one node-", ["node-of-one"]),
        ("exec router -- cat ", []),
        ("shell ro", ["router"]),
        ("impair ro", ["router"]),
        ("impair --l", ["--loss", "--list", "--lab"]),
        ("trace --from sh", ["shop/web-0"]),
        ("trace --protocol ", ["tcp", "udp", "icmp", "dns"]),
        ("component.stop ", ["kube-proxy", "dns", "controllers", "probes"]),
        ("component.stop kube-proxy --on ", ["node-of-any"]),
        ("component.start dns --on sh", ["shop/web-0"]),
        ("component.stop controllers --on ", []),
        ("trace --from web-0 --to w", ["web.shop", "web-0"]),
        ("trace --via ", ["shop/web-0", "web-0"]),
        ("apply -f ", []),
        ("nope ", []),
        ("list ", []),
        ("list --", ["--help"]),
    ],
)
def test_the_last_word_can_become(line: str, found: list[str]) -> None:
    assert completed(line) == found


def test_the_first_word_can_be_any_task() -> None:
    assert completed("") == sorted(NAMED)


def test_facts_are_asked_for_only_when_they_are_needed() -> None:
    class Silent:
        def __getattr__(self, name: str) -> object:
            raise AssertionError(f"asked for {name}")

    assert candidates(NAMED, ["get", "--na"], Silent()) == ["--name", "--namespace"]  # type: ignore[arg-type]
