"""A real node's rules beside those that should be: what is missing, stale or foreign, in words.

The Service shop/web (10.96.0.20:80) has its endpoints 10.244.0.5, 10.244.1.5 and 10.244.1.7.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from lab.errors import FileError
from lab.network.kubeproxy.standalone import NodeRules, Options, rules_of

GOLDEN = Path(__file__).parents[3] / "golden" / "rules"
OBJECTS = (GOLDEN / "objects.yaml").read_text()


def rules(mode: str = "iptables", text: str = OBJECTS, cluster_cidr: str = "10.244.0.0/16") -> NodeRules:
    return rules_of(text, "objects.yaml", "node-0", Options(mode, cluster_cidr).checked())


GOOD = rules().text()
GOOD_NFT = rules("nftables").text()


def differences(saved: str) -> list[str]:
    return rules().compared(saved, "saved").differences


def test_a_node_that_lived_long_is_told_in_full() -> None:
    """Calico, canaries, kubelet's marks and an older iptables around; and a good deal is wrong."""
    told = "\n".join(differences((GOLDEN / "worn.iptables-save").read_text())) + "\n"
    file = GOLDEN / "worn-difference.txt"
    if os.environ.get("HOPLAB_WRITE_GOLDEN"):
        file.write_text(told)
    assert told == file.read_text()


def test_nothing_differs_from_itself() -> None:
    assert differences(GOOD) == []
    assert rules("nftables").compared(GOOD_NFT, "saved").differences == []


@pytest.mark.parametrize(
    ("pattern", "spelling"),
    [
        (r"^-A", "[12:3456] -A"),
        (r" --mask 255.255.255.255 --rsource", ""),
        (r" --reject-with icmp-port-unreachable", ""),
        (r" --random-fully", ""),
        (r"-j DNAT .*$", "-j DNAT [unsupported revision]"),
        (r"MARK --set-xmark 0x4000/0x4000", "MARK --or-mark 0x4000"),
        (r"MARK --set-xmark 0x4000/0x0", "MARK --xor-mark 0x4000"),
        (r"0x4000", "0x00004000"),
        (r"RELATED,ESTABLISHED,DNAT", "DNAT,RELATED,ESTABLISHED"),
        (r"0\.33333333349", "0.33332999982"),
        (r' -m comment --comment "[^"]*"', ""),
        (r"-p tcp", "-p 6"),
        (r"(-A \S+) (.*) (-m comment --comment \"[^\"]*\") (.*)$", r"\1 \3 \2 \4"),
    ],
)
def test_other_spellings_are_no_difference(pattern: str, spelling: str) -> None:
    saved = re.sub(pattern, spelling, GOOD, flags=re.MULTILINE)
    assert saved != GOOD
    if spelling == "0.33332999982":
        assert differences(saved) != [], "but a probability that is off is one"
        return
    assert differences(saved) == []


def test_the_order_of_chains_and_of_shared_rules_does_not_matter() -> None:
    tables = []
    for table in GOOD.split("COMMIT\n")[:-1]:
        lines = table.splitlines()
        tables.append("\n".join([lines[0], *sorted(lines[1:]), "COMMIT"]))
    shuffled = "\n".join(reversed(tables))
    told = [one for one in differences(shuffled) if "another order" not in one and "last" not in one]
    assert told == []


def without(text: str, part: str) -> str:
    return "\n".join(line for line in text.split("\n") if part not in line)


def test_an_endpoint_that_went_is_stale() -> None:
    fewer = without(OBJECTS, "10.244.1.7")
    assert rules(text=fewer).compared(GOOD, "saved").differences == [
        "stale: Service shop/web:http: endpoint 10.244.1.7:8080 is still chosen (3 endpoints there, 2 expected)"
    ]


def test_an_endpoint_that_came_is_missing() -> None:
    saved = rules(text=without(OBJECTS, "10.244.1.7")).text()
    assert differences(saved) == [
        "missing: Service shop/web:http: endpoint 10.244.1.7:8080 (2 endpoints there, 3 expected)"
    ]


def test_a_service_of_which_nothing_is_there() -> None:
    saved = rules(text=re.sub(r"name: dns, namespace", "name: other, namespace", OBJECTS)).text()
    assert [one for one in differences(saved) if one.startswith("missing")] == [
        "missing: Service kube-system/dns:dns: nothing of it is there",
        "missing: Service kube-system/dns:dns-tcp: nothing of it is there",
    ]
    assert all("kube-system/other" in one and "not among" in one for one in differences(saved)[2:])


def test_a_translation_that_a_hand_changed() -> None:
    saved = GOOD.replace("--to-destination 10.244.1.5:8080", "--to-destination 10.9.9.9:8080")
    (told,) = differences(saved)
    assert re.fullmatch(
        r"stale: Service shop/web:http: endpoint 10.244.1.5:8080: KUBE-SEP-\w+ sends to 10.9.9.9:8080", told
    )


def test_choices_that_are_not_even() -> None:
    (told,) = differences(GOOD.replace("--probability 0.33333333349", "--probability 0.90000000000"))
    assert told.endswith("10.244.0.5:8080 with probability 0.9, not with probability 0.3333")


def test_a_changed_cluster_ip_is_told_as_such() -> None:
    told = rules(text=OBJECTS.replace("10.96.0.30", "10.96.0.31")).compared(GOOD, "saved").differences
    (one,) = told
    assert one.startswith("stale: Service shop/empty: -A KUBE-SERVICES -d 10.96.0.30/32 ")
    assert "; it should be -A KUBE-SERVICES -d 10.96.0.31/32 " in one


def test_an_option_of_kube_proxy_is_told_once() -> None:
    several = OBJECTS + "".join(another(number) for number in range(5))
    (told,) = rules(text=several, cluster_cidr="").compared(rules(text=several).text(), "saved").differences[:1]
    assert told.startswith("stale: 8 Service ports (")
    assert "traffic from outside 10.244.0.0/16 is masqueraded, as with kube-proxy's option --cluster-cidr" in told


def another(number: int) -> str:
    return f"""
---
apiVersion: v1
kind: Service
metadata: {{name: more-{number}, namespace: shop}}
spec: {{clusterIP: 10.96.1.{number}, ports: [{{port: 80}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: more-{number}, namespace: shop, labels: {{kubernetes.io/service-name: more-{number}}}}}
addressType: IPv4
endpoints: [{{addresses: [10.244.2.{number + 1}]}}]
ports: [{{port: 80}}]
"""


def test_session_affinity_is_told_in_one_line() -> None:
    plain = OBJECTS.replace("sessionAffinity: ClientIP", "sessionAffinity: None")
    assert differences(rules(text=plain).text()) == [
        "missing: Service shop/web:http: session affinity is not remembered"
    ]
    assert rules(text=plain).compared(GOOD, "saved").differences == [
        "stale: Service shop/web:http: session affinity is remembered where it should not be"
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("-A KUBE-SERVICES -s 10.0.0.1/32 -j DROP", "foreign: the rule -A KUBE-SERVICES -s 10.0.0.1/32 -j DROP"),
        ("-A KUBE-MARK-MASQ -j ACCEPT", "foreign: the rule -A KUBE-MARK-MASQ -j ACCEPT"),
        (":KUBE-MINE - [0:0]", "foreign: chain KUBE-MINE in table nat"),
        ("-A PREROUTING -j KUBE-MINE", "foreign: the rule -A PREROUTING -j KUBE-MINE"),
        (":KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]", "foreign: chain KUBE-SEP-AAAAAAAAAAAAAAAA in table nat"),
    ],
)
def test_what_kube_proxy_would_never_make_is_foreign(line: str, told: str) -> None:
    at = GOOD.index("-A KUBE-SERVICES", GOOD.index("*nat"))
    assert told in differences(f"{GOOD[:at]}{line}\n{GOOD[at:]}")


@pytest.mark.parametrize(
    "line",
    [
        ":KUBE-KUBELET-CANARY - [0:0]",
        ":KUBE-PROXY-CANARY - [0:0]",
        ":KUBE-MARK-DROP - [0:0]\n-A KUBE-MARK-DROP -j MARK --set-xmark 0x8000/0x8000",
        ":cali-PREROUTING - [0:0]\n-A PREROUTING -j cali-PREROUTING",
        "-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
    ],
)
def test_what_is_others_business_is_passed_over(line: str) -> None:
    at = GOOD.index("-A KUBE-SERVICES", GOOD.index("*nat"))
    assert differences(f"{GOOD[:at]}{line}\n{GOOD[at:]}") == []


def test_a_jump_that_is_not_there_is_missing() -> None:
    (told,) = differences(without(GOOD, "-A POSTROUTING"))
    assert told.startswith("missing: the rule -A POSTROUTING")
    assert told.endswith("(marked Service traffic is masqueraded)")


@pytest.mark.parametrize("text", ["", "hello", "# only a comment", GOOD_NFT])
def test_what_iptables_save_did_not_print_is_refused(text: str) -> None:
    with pytest.raises(FileError):
        differences(text)


def nft_differences(saved: str) -> list[str]:
    return rules("nftables").compared(saved, "saved").differences


def test_nft_s_counters_handles_and_comments_do_not_count() -> None:
    saved = GOOD_NFT.replace("0x00004000", "0x4000").replace(" | ", " or ").replace("comment", "comment")
    saved = re.sub(r"(jump services)", r"counter packets 12 bytes 3456 \1 # handle 7", saved)
    assert saved != GOOD_NFT
    assert nft_differences(f"table ip filter {{\n}}\n{saved}table ip6 kube-proxy {{\n}}\n") == []


def test_an_endpoint_that_went_is_stale_in_nft_s_table_too() -> None:
    fewer = rules("nftables", without(OBJECTS, "10.244.1.7"))
    assert fewer.compared(GOOD_NFT, "saved").differences == [
        "stale: Service shop/web:http: endpoint 10.244.1.7:8080 is still chosen (3 endpoints there, 2 expected)"
    ]
    assert nft_differences(fewer.text()) == [
        "missing: Service shop/web:http: endpoint 10.244.1.7:8080 (2 endpoints there, 3 expected)"
    ]


def test_a_service_that_went_from_nft_s_table() -> None:
    renamed = rules("nftables", OBJECTS.replace("name: empty,", "name: vacant,")).text()
    assert nft_differences(renamed) == []  # the address is the same, and a comment is nobody's rule
    other = rules("nftables", OBJECTS.replace("name: dns, namespace", "name: other, namespace"))
    told = other.compared(GOOD_NFT, "saved").differences
    assert "missing: Service kube-system/dns:dns: nothing of it is there" not in told
    assert any(one.startswith("stale: Service kube-system/dns:dns: not among the objects") for one in told), told


def test_hands_in_nft_s_table() -> None:
    saved = GOOD_NFT.replace("dnat to 10.244.1.5:8080", "dnat to 10.9.9.9:8080")
    saved = saved.replace("chain services {", "chain mine {\n\t}\n\n\tchain services {\n\t\tip saddr 10.0.0.1 drop")
    told = nft_differences(saved)
    assert "foreign: chain mine" in told
    assert "foreign: the rule ip saddr 10.0.0.1 drop in services" in told
    assert any(one.endswith("sends to 10.9.9.9:8080") for one in told), told


@pytest.mark.parametrize("text", ["", "table ip filter {\n}\n", "table ip kube-proxy {\n", GOOD])
def test_what_nft_did_not_print_is_refused(text: str) -> None:
    with pytest.raises(FileError):
        nft_differences(text)
