"""What nft prints becomes the objects that it was given; printing and reading are each other's reverse."""

from __future__ import annotations

import pytest

from lab.errors import MachineError
from lab.kernel.host import packages
from lab.kernel.rules.nft import objects, require
from lab.network.objects import NftChain, NftElement, NftHook, NftSet, NftTable, Rule
from lab.network.objects.nft_text import duration, hook_text, listing
from tests.unit.network.objects.test_kubeproxy_nftables import CASES, made

PRINTED = """\
table ip kube-proxy {
	comment "rules for kube-proxy"
	set cluster-ips {
		type ipv4_addr
		comment "Active ClusterIPs"
		elements = { 172.16.10.10, 172.16.0.10,
			172.16.0.1 }
	}

	map no-endpoint-services {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = { 172.16.0.43 . tcp . 80 comment "a, b" : drop,
			172.16.0.42 . tcp . 80 : goto reject-chain }
	}

	set affinity-b {
		type ipv4_addr
		size 65535
		flags dynamic,timeout
		timeout 1m30s
		elements = { 10.244.0.2 }
	}

	chain filter-output-post-dnat {
		type filter hook output priority -90; policy accept;
		ct state new jump cluster-ips-check
	}

	chain nat-prerouting {
		comment "mine"
		type nat hook prerouting priority dstnat + 5; policy drop;
	}
}
"""


def test_what_nft_printed_is_read() -> None:
    table, ips, empty, affinity, post, nat = objects("node-0", PRINTED)
    assert table == NftTable("node-0", "kube-proxy")
    addresses = tuple(map(NftElement, ("172.16.0.1", "172.16.0.10", "172.16.10.10")))
    assert ips == NftSet("node-0", "kube-proxy", "cluster-ips", "ipv4_addr", addresses)
    kind = "ipv4_addr . inet_proto . inet_service : verdict"
    elements = (
        NftElement("172.16.0.42 . tcp . 80", "goto reject-chain"),
        NftElement("172.16.0.43 . tcp . 80", "drop", "a, b"),
    )
    assert empty == NftSet("node-0", "kube-proxy", "no-endpoint-services", kind, elements)
    unfilled = NftSet("node-0", "kube-proxy", "affinity-b", "ipv4_addr", (), 90)
    assert affinity == unfilled, "what rules put into a set is not told"
    rules = (Rule("ct state new jump cluster-ips-check"),)
    hook = NftHook("filter", "output", -90)
    assert post == NftChain("node-0", "kube-proxy", "filter-output-post-dnat", rules, hook)
    assert nat == NftChain("node-0", "kube-proxy", "nat-prerouting", (), NftHook("nat", "prerouting", -95, "drop"))


@pytest.mark.parametrize("name", CASES)
def test_a_listing_is_read_as_it_was_written(name: str) -> None:
    wanted = made(CASES[name])
    assert tuple(objects("node-0", listing(wanted))) == wanted


@pytest.mark.parametrize(("seconds", "printed"), [(1, "1s"), (90, "1m30s"), (10800, "3h"), (90061, "1d1h1m1s")])
def test_times(seconds: int, printed: str) -> None:
    assert duration(seconds) == printed


@pytest.mark.parametrize(
    ("hook", "printed"),
    [
        (NftHook("nat", "prerouting", -100), "dstnat"),
        (NftHook("filter", "prerouting", -110), "dstnat - 10"),
        (NftHook("filter", "output", -110), "-110"),
        (NftHook("nat", "output", -100), "-100"),
        (NftHook("nat", "postrouting", 100), "srcnat"),
        (NftHook("filter", "input", 3), "filter + 3"),
    ],
)
def test_priorities(hook: NftHook, printed: str) -> None:
    assert hook_text(hook) == f"type {hook.type} hook {hook.hook} priority {printed}; policy accept;"


def test_without_nft_it_is_said_what_needs_it_and_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find", lambda _name: None)
    with pytest.raises(MachineError, match="nft \\(for a kube-proxy in nftables mode\\)") as refused:
        require(namespaces=None, place="underlay")  # type: ignore[arg-type]  # it does not come to that
    assert "nft" in refused.value.hint
