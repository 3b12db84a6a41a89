"""Felix's rule hashes and chain names against those that public listings of real Calico nodes show."""

from __future__ import annotations

import re

import pytest

from lab.network.calico.felix import chain_name, hashed, template
from lab.network.calico.filter import forward_end
from lab.network.calico.rules import jumps, static_chains
from lab.network.calico.sets import Tunnel
from lab.network.calico.workloads import dispatch_chains, pod_chains
from lab.network.naming import calico_device, calico_tunnel_mac
from lab.network.objects import Rule

VXLAN = Tunnel("vxlan", "vxlan.calico", 4789)
IPIP = Tunnel("ipip", "tunl0")
BARE = Tunnel("")

# Seen on nodes with VXLAN (Calico 3.27 and 3.28), in order of the rules; "" where a listing did not show the hash.
ON_VXLAN_NODES = {
    ("filter", "cali-FORWARD"): (
        "vjrMJCRpqwy5oRoX",
        "A_sPAO0mcxbT9mOV",
        "8ZoYfO5HKXWbB3pk",
        "jdEuaPBe14V2hutn",
        "12bc6HljsMKsmfr-",
        "NOSxoaGx8OIstr1z",
    ),
    ("filter", "cali-INPUT"): (
        "J76FwxInZIsk7uKY",
        "EDCNTTxYfggApx8C",
        "H03xYXARh4e8pwd4",
        "MN6K3isIWBigb1Va",
        "OSYphBLwOgic22Hz",
        "rmi2_piRVmfeiwVp",
        "F7Q8zu44qIbOVben",
    ),
    ("filter", "cali-OUTPUT"): (
        "Mq1_rAdXXH3YkrzW",
        "69FkRTJDvD5Vu6Vl",
        "-QZG79DohFjalQBb",
        "iC1pSPgbvgQzkUk_",
        "4Zh7KtRvt4W5AEBR",
        "Y0k-bqjt-5CUqyUq",
    ),
    ("filter", "cali-wl-to-host"): ("Ee9Sbo10IpVujdIY", "nSZbcOoG1xPONxb8"),
    ("filter", "cali-failsafe-in"): (
        "wWFQM43tJU7wwnFZ",
        "LwNV--R8MjeUYacw",
        "QOO5NUOqOSS1_Iw0",
        "cwZWoBSwVeIAZmVN",
        "7FbNXT91kugE_upR",
        "8Ftbkk2dRH2eEeq1",
        "-JoRSaAQZPJAegMo",
        "PUKij4Rn9njHfVTi",
        "vSprVE-4rient0wc",
    ),
    ("nat", "cali-PREROUTING"): ("r6XmIziWUJsdOK6Z",),
    ("nat", "cali-OUTPUT"): ("GBTAv2p5CwevEyJm",),
    ("nat", "cali-POSTROUTING"): ("Z-c7XtVd2Bq7s_hA", "nYKhEzDlr11Jccal", "e9dnSgSVNmIcpVhP"),
    ("nat", "cali-nat-outgoing"): ("flqWnvo8yq4ULQLa",),
    ("mangle", "cali-PREROUTING"): ("6BJqBjBC7crtA-7-", "KX7AGNd6rMcDUai6", "wNH7KsA3ILKJBsY9", ""),
    ("mangle", "cali-POSTROUTING"): ("", "nnqPh8lh2VOogSzX", "nquN8Jw8Tz72pcBW", ""),
}
ON_NODES_WITHOUT_TUNNEL = {
    ("filter", "cali-INPUT"): ("FewJpBykm9iJ-YNH", "hder3ARWznqqv8Va", "xgOu2uJft6H9oDGF", "_-d-qojMfHM6NwBo", ""),
    ("filter", "cali-OUTPUT"): ("Mq1_rAdXXH3YkrzW", "69FkRTJDvD5Vu6Vl", "Fskumj4SGQtDV6GC", "1F4VWEsQu0QbRwKf", ""),
    ("raw", "cali-PREROUTING"): (
        "XFX5xbM8B9qR10JG",
        "EWMPb0zVROM-woQp",
        "PWuxTAIaFCtsg5Qa",
        "fSSbGND7dgyemWU7",
        "ImU0-4Rl2WoOI9Ou",
        "lV4V2MPoMBf0hl9T",
    ),
    ("raw", "cali-OUTPUT"): ("njdnLwYeGqBJyMxW", "rz86uTUcEZAfFsh7", "pN0F5zD0b8yf9W1Z"),
}
ON_IPIP_NODES = {("nat", "cali-POSTROUTING"): ("Z-c7XtVd2Bq7s_hA", "nYKhEzDlr11Jccal", "SXWvdsbh4Mw7wOln")}


def hashes(rules: tuple[Rule, ...]) -> tuple[str, ...]:
    found = (re.search(r'"cali:([-_A-Za-z0-9]{16})"', rule.text) for rule in rules)
    return tuple(match.group(1) if match else "none" for match in found)


@pytest.mark.parametrize(
    ("tunnel", "seen"), [(VXLAN, ON_VXLAN_NODES), (BARE, ON_NODES_WITHOUT_TUNNEL), (IPIP, ON_IPIP_NODES)]
)
def test_static_chains_have_the_hashes_of_real_nodes(
    tunnel: Tunnel, seen: dict[tuple[str, str], tuple[str, ...]]
) -> None:
    ours = {(table, name): hashes(rules) for table, name, rules, _ in static_chains(tunnel)}
    for where, expected in seen.items():
        shown = tuple(one if other else "" for one, other in zip(ours[where], expected, strict=True))
        assert shown == expected, f"{' '.join(where)} differs from what a real node shows"


def test_the_jumps_of_built_in_chains_have_the_hashes_of_real_nodes() -> None:
    ours = {chain: hashes(rules)[0] for (_, chain), rules in jumps().items()}
    assert ours == {
        "PREROUTING": "6gwbT8clXdHdC1b1",
        "INPUT": "Cz_u1IQiXIMmKD4c",
        "FORWARD": "wUHhoiAYhphO9Mso",
        "OUTPUT": "tVnHkvAo15HuiPy0",
        "POSTROUTING": "O3lYWMrLQYEMJtB5",
    }
    assert hashes(forward_end()) == ("S93hcgKJrXEqnTfs", "mp77cMpurHhyjLrM")


def test_a_pods_chains_have_the_hashes_of_a_real_node() -> None:
    # calico-system/default's endpoint cali868a4e4c0db, allowed by kns.calico-system and ksa.calico-system.default
    to_pod, from_pod = pod_chains("node", "cali868a4e4c0db", "calico-system/some-pod", 4789)
    assert (to_pod.name, hashes(to_pod.rules)) == (
        "cali-tw-cali868a4e4c0db",
        (
            "LFciQPNfUKzbLPi-",
            "p6C1FQj-hWgTuO41",
            "W1y5Xr5YPewj3skL",
            "LtIKAIb73M9jrKUS",
            "S1OrQA0emozlaTf3",
            "CzKkvEj2WqqrG2Gc",
            "wY8YbqtziuszMXib",
            "okbPxa5a4JHLjOVp",
        ),
    )
    assert (from_pod.name, hashes(from_pod.rules)) == (
        "cali-fw-cali868a4e4c0db",
        (
            "2GsL5Kvr52V3_Rc2",
            "5o-l0ZEH2CSK1kg1",
            "AZ82OLFQi5JrA3Ko",
            "0cVjpDc4VFZSZlol",
            "XvPonA1l5atzC7yv",
            "hyDiszvl7n_y88Bi",
            "_BuqAFFnLhFo1xa2",
            "P4tcGyeiPTjzY0L_",
            "hJqGCj5uvpf4N2ti",
            "BxV4qTM2roAoCXeD",
        ),
    )


def test_dispatch_chains_branch_where_a_real_nodes_do() -> None:
    devices = ("1dac8782bdb", "3579be14420", "6945b3c77c1", "6f60a778e0b", "868a4e4c0db", "9d04617f188")
    made = dispatch_chains("node", tuple((f"cali{digits}", "namespace/pod") for digits in devices))
    ours = {chain.name: hashes(chain.rules) for chain in made}
    assert ours == {
        "cali-from-wl-dispatch": (
            "aHK7yU_mJjLvN9P9",
            "wHNdnT4ytw3hnQFt",
            "_b2AeThG6a53s1Jk",
            "Bb81zxJNbVhCAzR-",
            "RzmU3PGwDi5LZ3Y1",
            "CPCo32RHIaeTT15t",
        ),
        "cali-from-wl-dispatch-6": ("51KYRHlKbzvZo9Tu", "K6kzaLeHUWg36Bzo", "BloWYvybf6fUB-zQ"),
        "cali-to-wl-dispatch": (
            "1PVbibbGdAYWXuD8",
            "QsyNwpYieiiyOGzM",
            "KujuNK2hBy3nyojz",
            "zsKliieYuD6jYPaw",
            "iNjyAaVU-t635DEz",
            "M_1efBassqWauUhR",
        ),
        "cali-to-wl-dispatch-6": ("voCtztmwuL5cVC6K", "bkgw_3X7Q9UFJeX4", "BYUERmLynWaeKPK_"),
    }


def test_a_node_without_pods_and_one_with_a_single_pod_drop_what_is_unknown() -> None:
    empty = dispatch_chains("node", ())
    assert [(chain.name, len(chain.rules)) for chain in empty] == [
        ("cali-from-wl-dispatch", 1),
        ("cali-to-wl-dispatch", 1),
    ]
    single = dispatch_chains("node", (("cali5e1c4d6c68c", "default/pod-a"),))
    assert [len(chain.rules) for chain in single] == [2, 2]


@pytest.mark.parametrize(
    ("prefix", "name", "chain"),
    [
        ("cali-pri-", "kns.kube-system", "cali-pri-kns.kube-system"),
        ("cali-pri-", "ksa.kube-system.coredns-autoscaler", "cali-pri-_npJ7qTPnQvugDgIE9J"),
        ("cali-pro-", "kns.calico-apiserver", "cali-pro-_kJqfZpgUe7r2t4A-14"),
    ],
)
def test_long_chain_names_are_hashed_as_felix_does(prefix: str, name: str, chain: str) -> None:
    assert chain_name(prefix, name) == chain


def test_names_and_addresses_of_devices() -> None:
    assert calico_tunnel_mac("node1") == "66:f9:37:c3:7e:94"
    assert calico_tunnel_mac("worker-1") == "66:93:7f:54:d5:53"
    assert calico_device("default", "pod-a") == "cali5e1c4d6c68c"


def test_a_hash_covers_the_rules_before_it() -> None:
    first, second = template("-j ACCEPT"), template("-j DROP")
    alone, after = hashed("chain", (second,)), hashed("chain", (first, second))
    assert alone[0].text != after[1].text, "the same rule has another hash behind another one"
