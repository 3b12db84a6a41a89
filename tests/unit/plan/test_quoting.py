"""What is printed to be pasted: a shell finds nothing in it but the words that were meant."""

from __future__ import annotations

import shlex

import pytest

from lab.plan import quoting


@pytest.mark.parametrize(
    ("printed", "typed"),
    [
        ("iptables -D INPUT -p udp -j DROP", "iptables -D INPUT -p udp -j DROP"),
        ('-D INPUT -m comment --comment "a b" -j DROP', '-D INPUT -m comment --comment "a b" -j DROP'),
        ("-D FORWARD ! -s 10.0.0.0/8 -j DROP", "-D FORWARD ! -s 10.0.0.0/8 -j DROP"),
        ('--comment "$(reboot)"', "--comment '$(reboot)'"),
        ('--comment "`x` y"', "--comment '`x` y'"),
        (r'--comment "it\'s \"so\" \\"', """--comment 'it'"'"'s "so" \\'"""),
        ("-D a;b -i $x", "-D 'a;b' -i '$x'"),
    ],
)
def test_a_saved_rule_is_words_only(printed: str, typed: str) -> None:
    assert quoting.saved(printed) == typed


def test_a_saved_comment_comes_back_as_it_was_written() -> None:
    assert shlex.split(quoting.saved(r'-m comment --comment "it\'s \"$x\" \\ ;"'))[-1] == 'it\'s "$x" \\ ;'


@pytest.mark.parametrize(
    ("command", "safe"),
    [
        ("nft 'chain ip x y { policy accept ; }'", "nft 'chain ip x y { policy accept ; }'"),
        ("nft delete rule ip x;reboot c handle 2", "nft delete rule ip 'x;reboot' c handle 2"),
        ("ip link del $(reboot)", "ip link del '$(reboot)'"),
        ("ip link del it's", ""),
        ("ip link del it's;reboot", ""),
    ],
)
def test_whoever_names_a_device_has_no_say_in_what_is_run(command: str, safe: str) -> None:
    assert quoting.safe(command) == safe
