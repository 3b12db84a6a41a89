"""Rules as people type them, in the words of iptables-save. The integration tests ask a real iptables for the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.network.objects.saved_rule import saved_forms

TYPED_AND_SAVED = [
    (
        "-p tcp --syn -m connlimit --connlimit-above 2 -j DROP",
        "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m connlimit --connlimit-above 2 --connlimit-mask 32 "
        "--connlimit-saddr -j DROP",
    ),
    (
        "-m connlimit --connlimit-mask 0 --connlimit-daddr --connlimit-upto 9 -m mark --mark 1 -j ACCEPT",
        "-m connlimit --connlimit-upto 9 --connlimit-mask 0 --connlimit-daddr -m mark --mark 0x1 -j ACCEPT",
    ),
    ("-p udp --dport 4789 -j DROP", "-p udp -m udp --dport 4789 -j DROP"),
    ("-p tcp --dport 80 -s 10.0.1.5/24 -j ACCEPT", "-s 10.0.1.0/24 -p tcp -m tcp --dport 80 -j ACCEPT"),
    ("-d 10.1.2.3/255.255.0.0 -j ACCEPT", "-d 10.1.0.0/16 -j ACCEPT"),
    ("-s 10.0.0.7 -j REJECT", "-s 10.0.0.7/32 -j REJECT --reject-with icmp-port-unreachable"),
    ("-m state --state ESTABLISHED,RELATED -j ACCEPT", "-m state --state RELATED,ESTABLISHED -j ACCEPT"),
    ("-m conntrack --ctstate established,new -j ACCEPT", "-m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT"),
    ("-i eth0 ! -s 10.0.0.0/8 -j DROP", "! -s 10.0.0.0/8 -i eth0 -j DROP"),
    ("-p tcp -m multiport --destination-ports 80,443 -j ACCEPT", "-p tcp -m multiport --dports 80,443 -j ACCEPT"),
    ("-p icmp --icmp-type echo-request -j ACCEPT", "-p icmp -m icmp --icmp-type 8 -j ACCEPT"),
    ("-p 17 -j DROP", "-p udp -j DROP"),
    ("-p all -s 0.0.0.0/0 -j ACCEPT", "-j ACCEPT"),
    ("-m comment --comment hello -j ACCEPT", "-m comment --comment hello -j ACCEPT"),
    (
        '-p udp -m comment --comment "no vxlan here" --dport 4789 -j DROP',
        '-p udp -m comment --comment "no vxlan here" -m udp --dport 4789 -j DROP',
    ),
    ("-m mark --mark 16384/16384 -j ACCEPT", "-m mark --mark 0x4000/0x4000 -j ACCEPT"),
    ("-j MARK --set-mark 1", "-j MARK --set-xmark 0x1/0xffffffff"),
    ("-m limit --limit 10/second --limit-burst 20 -j ACCEPT", "-m limit --limit 10/sec --limit-burst 20 -j ACCEPT"),
    ("-p tcp --syn -j DROP", "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP"),
    ("-p tcp ! --dport http -j DROP", "-p tcp -m tcp ! --dport 80 -j DROP"),
    ("-j ACCEPT -p tcp --dport 8080", "-p tcp -m tcp --dport 8080 -j ACCEPT"),
    (
        "-m statistic --mode random --probability 0.3333333333 -j DROP",
        "-m statistic --mode random --probability 0.33333333349 -j DROP",
    ),
    ("-m addrtype --dst-type LOCAL -g mine", "-m addrtype --dst-type LOCAL -g mine"),
]


@pytest.mark.parametrize(("typed", "saved"), TYPED_AND_SAVED)
def test_a_typed_rule_reads_as_iptables_save_prints_it(typed: str, saved: str) -> None:
    assert saved_forms(typed) == (saved,)


@pytest.mark.parametrize("saved", [saved for _, saved in TYPED_AND_SAVED])
def test_a_saved_rule_stays_as_it_is(saved: str) -> None:
    assert saved_forms(saved) == (saved,)


def test_several_addresses_are_several_rules_sources_first() -> None:
    assert saved_forms("-s 10.0.0.1,10.0.0.2 -d 10.1.0.0/16,10.2.0.0/16 -j DROP") == (
        "-s 10.0.0.1/32 -d 10.1.0.0/16 -j DROP",
        "-s 10.0.0.1/32 -d 10.2.0.0/16 -j DROP",
        "-s 10.0.0.2/32 -d 10.1.0.0/16 -j DROP",
        "-s 10.0.0.2/32 -d 10.2.0.0/16 -j DROP",
    )


@pytest.mark.parametrize("text", ["-s 300.1.1.1/8 -j DROP", "-m mark --mark zz -j DROP", "-s 10.0.0.0/99 -j DROP"])
def test_what_makes_no_sense_is_left_for_iptables_to_refuse(text: str) -> None:
    assert saved_forms(text) == (text,)


OPTIONS = ["-s", "-d", "-p", "-i", "!", "-m", "-j", "--dport", "--mark", "--ctstate", "--limit", "--syn", "tcp", "1/2"]


@given(st.lists(st.sampled_from(OPTIONS) | st.from_regex(r"[a-z0-9./:,=-]{0,12}", fullmatch=True), max_size=10))
def test_no_words_at_all_break_it(words: list[str]) -> None:
    assert all(isinstance(form, str) for form in saved_forms(" ".join(words)))
