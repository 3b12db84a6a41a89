"""Thirty breaks out of the catalogue of `bench --losses`, each of another kind: what a trace says of them is right.

    drawn by a seed ──▶ a lab is broken ──▶ a client is not answered ──▶ the trace names the very object, its fix mends
                                       └──▶ a client is answered ─────▶ the trace says delivered

The client knows nothing of the trace: plain sockets in the pod. Every break is undone, and the lab is as it was.
"""

from __future__ import annotations

from itertools import islice

import pytest

from bench.losses.configuration import CONFIGURATIONS, Configuration
from bench.losses.drawing import draw
from bench.losses.kinds import KINDS
from bench.losses.run import bed
from bench.losses.table import described, failures
from bench.losses.trial import Bed, Outcome

SEED = 30
TRIES = 6  # not every break loses its request: of so many of a kind one does
OF_EACH: dict[str, tuple[str, ...]] = {
    "calico": (
        "a device does not speak ARP",
        "ARP is not answered",
        "ACCEPT before kube-proxy's",
        "an XFRM policy blocks",
        "a member too many",
        "a tunnel's packets live too short",
    ),
    "calico-nft": (
        "an nft element is gone",
        "a drop among kube-proxy's nft rules",
        "SNAT to nowhere",
        "the rule for the main table is gone",
        "a device's hook drops",
        "an address is gone",
    ),
    "calico-vxlan": (
        "echoes are ignored",
        "a queue without a listener",
        "an ip rule leads nowhere",
        "an FDB entry is wrong",
        "iptables-legacy drops",
        "a route is gone",
    ),
    "flannel": (
        "a port floods no broadcasts",
        "a port has left its bridge",
        "DNAT before kube-proxy's",
        "a bridge's hook drops",
        "the nat table is flushed",
        "a queueing discipline lets nothing out",
    ),
    "flannel-nft": (
        "kube-proxy's nft table is gone",
        "ports are isolated",
        "a device is down",
        "an nft chain's policy is drop",
        "a tunnel's device has another MAC",
        "another device's subnet shadows the way",
    ),
}


def until_one_is_lost(lab: Bed, configuration: Configuration, name: str) -> list[Outcome]:
    """The outcomes of breaks of that kind; the last one lost its request."""
    found: list[Outcome] = []
    for drawn in islice(draw(configuration, SEED, [kind for kind in KINDS if kind.name == name]), TRIES):
        found.append(lab.attempt(drawn))
        assert not found[-1].trouble, described(found[-1])
        if found[-1].is_loss:
            return found
    raise AssertionError(f"of {TRIES} breaks none lost its request: {name}")


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda one: one.name)
def test_what_breaks_is_named_and_mended(configuration: Configuration) -> None:
    with bed(configuration) as lab:
        found = [
            outcome for name in OF_EACH[configuration.name] for outcome in until_one_is_lost(lab, configuration, name)
        ]
    wrong = failures(found)
    assert not wrong, "\n".join(line for one in wrong for line in described(one))
