"""Nodes whose kube-proxy is of another version, or counts: its form is said once, and only what differs is told.

The Service shop/web (10.96.0.20:80) has its endpoints 10.244.0.5, 10.244.1.5 and 10.244.1.7; node-0's own is the first.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.network.kubeproxy.standalone import NodeRules, Options, rules_of

GOLDEN = Path(__file__).parents[3] / "golden" / "rules"
OBJECTS = (GOLDEN / "objects.yaml").read_text()
FREE = OBJECTS.replace("sessionAffinity: ClientIP", "sessionAffinity: None")
OF_1_32 = (GOLDEN / "node-0-nftables-1.32.txt").read_text()


def rules(mode: str = "iptables", text: str = OBJECTS) -> NodeRules:
    return rules_of(text, "objects.yaml", "node-0", Options(mode, "10.244.0.0/16").checked())


GOOD, NEWEST = rules().text(), rules("nftables", FREE).text()
LINES = {
    "KUBE-FORWARD": "-A KUBE-FORWARD -m conntrack --ctstate INVALID",
    "localhost": '-A KUBE-NODEPORTS -d 127.0.0.0/8 -p tcp -m comment --comment "shop/web:http" -m tcp --dport 30080 '
    "-m nfacct --nfacct-name  localhost_nps_accepted_pkts -j KUBE-EXT-",
}


def counted(saved: str) -> str:
    """As kube-proxy since 1.33 writes it where the kernel has nfacct, with the chains by which flushes are noticed."""
    nodeport = re.search(r"-A KUBE-NODEPORTS -p tcp .* -j KUBE-EXT-(\w+)", saved)
    assert nodeport
    saved = saved.replace(nodeport[0], f"{LINES['localhost']}{nodeport[1]}\n{nodeport[0]}")
    invalid = LINES["KUBE-FORWARD"]
    saved = saved.replace(f"{invalid} -j", f"{invalid} -m nfacct --nfacct-name  ct_state_invalid_dropped_pkts -j")
    canaries = ":KUBE-PROXY-CANARY - [0:0]\n:KUBE-KUBELET-CANARY - [0:0]\n"
    return re.sub(r"^\*(\w+)\n", lambda table: f"{table[0]}{canaries}", saved, flags=re.MULTILINE) + (
        f"*mangle\n{canaries}:KUBE-IPTABLES-HINT - [0:0]\nCOMMIT\n"
    )


def test_what_only_counts_and_canaries_are_no_difference() -> None:
    saved = counted(GOOD)
    assert saved.count("nfacct-name") == 2
    assert rules().compared(saved, "saved") == ([], ())


def test_a_rule_that_counts_and_leads_elsewhere_is_a_difference() -> None:
    saved = counted(GOOD).replace("ct_state_invalid_dropped_pkts -j DROP", "ct_state_invalid_dropped_pkts -j ACCEPT")
    assert any("-j ACCEPT" in one for one in rules().compared(saved, "saved").differences)


def without(saved: str, *patterns: str) -> str:
    return "".join(
        line for line in saved.splitlines(keepends=True) if not any(re.search(one, line) for one in patterns)
    )


SOURCES = r"KUBE-PROXY-FIREWALL$|:KUBE-PROXY-FIREWALL|-A KUBE-PROXY-FIREWALL"
OF_1_26 = without(GOOD, r"^-A KUBE-FW-.*will be dropped")
OF_1_24 = re.sub(
    r"-A (KUBE-FW-\w+) .*will be dropped.*",
    r"-A \1 -j KUBE-MARK-DROP",
    without(GOOD, SOURCES),
)
OF_1_23 = re.sub(
    r"-A KUBE-NODEPORTS (-p tcp .*) -j KUBE-EXT-(\w+)",
    r":KUBE-XLB-\2 - [0:0]\n"
    r"-A KUBE-NODEPORTS -s 127.0.0.0/8 \1 -j KUBE-MARK-MASQ\n-A KUBE-NODEPORTS \1 -j KUBE-XLB-\2\n"
    r'-A KUBE-XLB-\2 -s 10.244.0.0/16 -m comment --comment "Redirect pods to cluster VIP" -j KUBE-SVC-\2',
    without(GOOD, SOURCES, r"^:?(-A )?KUBE-(EXT|FW)-"),
)


@pytest.mark.parametrize(
    ("saved", "version"), [(OF_1_26, "1.25 or 1.26"), (OF_1_24, "1.24"), (OF_1_23, "1.23 or older")]
)
def test_an_older_form_of_iptables_mode_is_said_once(saved: str, version: str) -> None:
    assert saved != GOOD
    found = rules().compared(saved, "saved")
    assert found.differences == []
    (note,) = found.notes
    assert note.startswith(f"the rules have the form of kube-proxy {version}: ")
    gone = re.sub(r"^-A KUBE-SVC-.*10\.244\.1\.7:8080.*\n", "", saved, flags=re.MULTILINE)
    told = rules().compared(gone, "saved").differences
    assert any("missing: Service shop/web:http: endpoint 10.244.1.7:8080" in one for one in told)


def filtered_late(table: str, *, ports: bool) -> str:
    """The form of 1.33 (with the ports in the masquerade rules) to 1.35: the filter looks after the translation."""
    table = table.replace("chain filter-prerouting {", "chain filter-prerouting-pre-dnat {")
    table = re.sub(r"\tchain filter-output-post-dnat \{.*?\n\t\}\n", "", table, flags=re.DOTALL)
    former = "ct state new jump service-endpoints-check\n\t\tct state new jump firewall-check"
    table = table.replace(former, "ct state new jump service-endpoints-check\n\t\tct state new jump cluster-ips-check")
    before = "\tchain filter-output-pre-dnat {\n\t\ttype filter hook output priority -110; policy accept;\n"
    table = table.replace(
        "\tchain nat-output {", f"{before}\t\tct state new jump firewall-check\n\t}}\n\n\tchain nat-output {{"
    )
    return table if ports else re.sub(r" (tcp|udp) dport \d+ (?=ip saddr != )", " ", table)


OF_1_33, OF_1_34 = filtered_late(OF_1_32, ports=True), filtered_late(OF_1_32, ports=False)
OF_1_36 = re.sub(r"dnat to ([\d.]+):(\d+)", r"dnat ip addr . port to numgen random mod 1 map { 0 : \1 . \2 }", NEWEST)


@pytest.mark.parametrize(
    ("saved", "objects", "version"),
    [
        (OF_1_32, OBJECTS, "1.32 or older"),
        (OF_1_33, OBJECTS, "1.33 to 1.35"),
        (OF_1_34, OBJECTS, "1.33 to 1.35"),
        (OF_1_36, FREE, "1.36"),
    ],
    ids=["1.32", "1.33", "1.34", "1.36"],
)
def test_an_older_form_of_nftables_mode_is_said_once(saved: str, objects: str, version: str) -> None:
    found = rules("nftables", objects).compared(saved, "saved")
    assert found.differences == []
    assert found.notes == (
        f"the rules have the form of kube-proxy {version}: it is compared as that version lays it out",
    )


def test_of_the_newest_form_nothing_is_said() -> None:
    assert rules("nftables", FREE).compared(NEWEST, "saved") == ([], ())
    named = NEWEST.replace("dnat ip to numgen", "dnat ip addr . port to numgen")
    assert named != NEWEST, "other versions of nft print it so"
    assert rules("nftables", FREE).compared(named, "saved") == ([], ())


@pytest.mark.parametrize("saved", [OF_1_32, OF_1_34], ids=["1.32", "1.34"])
@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        (
            "dnat to 10.244.1.5:8080",
            "dnat to 10.9.9.9:8080",
            "stale: Service shop/web:http: endpoint 10.244.1.5:8080: "
            "endpoint-FDH7QP7U-shop/web/tcp/http__10.244.1.5/8080 sends to 10.9.9.9:8080",
        ),
        (
            "ip saddr 10.244.1.5 jump mark-for-masquerade",
            "ip saddr 10.244.1.5 drop",
            "missing: Service shop/web:http: the rule ip saddr 10.244.1.5 jump mark-for-masquerade in "
            "endpoint-FDH7QP7U-shop/web/tcp/http__10.244.1.5/8080",
        ),
        (
            "10.96.0.20 . tcp . 80 : goto service-KHN6ECMT-shop/web/tcp/http,",
            "",
            "missing: Service shop/web:http: 10.96.0.20 . tcp . 80 : goto service-KHN6ECMT-shop/web/tcp/http in "
            "service-ips",
        ),
    ],
)
def test_what_differs_in_an_older_form_is_told_as_in_every_other(
    saved: str, written: str, instead: str, told: str
) -> None:
    assert written in saved
    assert told in rules("nftables").compared(saved.replace(written, instead), "saved").differences


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        (
            "mod 3 map { 0 : 10.244.0.5 . 8080, 1 : 10.244.1.5 . 8080, 2 : 10.244.1.7 . 8080 }",
            "mod 2 map { 0 : 10.244.0.5 . 8080, 1 : 10.244.1.7 . 8080 }",
            "missing: Service shop/web:http: endpoint 10.244.1.5:8080 (2 endpoints there, 3 expected)",
        ),
        (
            "2 : 10.244.1.7 . 8080 }",
            "2 : 10.9.9.9 . 8080 }",
            "stale: Service shop/web:http: endpoint 10.9.9.9:8080 is still chosen",
        ),
        (
            "dnat to 10.244.0.5:8080",
            "dnat to 10.244.1.5:8080",
            "stale: Service shop/web:http: endpoint 10.244.1.5:8080 is still chosen",
        ),
        (
            "{ 10.244.0.5 . 10.244.0.5 . tcp . 8080 }",
            "{ 10.244.1.7 . 10.244.1.7 . tcp . 8080 }",
            "missing: 10.244.0.5 . 10.244.0.5 . tcp . 8080 in hairpin-connections",
        ),
        (
            "ip saddr != 10.244.0.0/16 meta mark",
            "ip saddr != 10.0.0.0/8 meta mark",
            "stale: traffic from outside 10.0.0.0/8 is masqueraded, as with kube-proxy's option --cluster-cidr "
            "10.0.0.0/8",
        ),
    ],
)
def test_what_differs_in_the_newest_form_is_told_as_in_every_other(written: str, instead: str, told: str) -> None:
    assert written in NEWEST
    found = rules("nftables", FREE).compared(NEWEST.replace(written, instead), "saved")
    assert told in found.differences
