"""Rules as Felix, Calico's agent, writes them, and as `iptables-save` shows them afterwards.

Felix marks every rule with a comment that is a hash over the chain's name and all its rules so far, in Felix's own
words (`--jump`, `--in-interface`, decimal protocol). Both forms of a rule are kept side by side for that reason.
Source: felix/iptables (rule rendering, chain hashes); the hashes are those seen on real nodes.
"""

from __future__ import annotations

from binascii import b2a_base64
from functools import lru_cache
from hashlib import sha224, sha256
from typing import NamedTuple

from lab.network.objects import Rule

LONGEST_CHAIN = 28
MOST_NAMES = 1 << 11  # each is asked for several times in a row; a lab that lives long has had many
HASH_BYTES = 12  # sixteen characters of base64
_HASH = '-m comment --comment "cali:'
_URL_SAFE = bytes.maketrans(b"+/", b"-_")

ACCEPT_MARK = "0x10000"
FROM_WORKLOAD_MARK = "0x40000"
ALL_MARKS = "0xf0000"


class Words(NamedTuple):
    """A part of a rule: in Felix's words, and as iptables-save prints it.

    `basic` stands before all comments there (-i, -o, -p, -s, -d), `match` after them.
    """

    felix: str
    basic: str = ""
    match: str = ""


class Template(NamedTuple):
    """A rule of Felix's without its hash: `head` and `tail` are what iptables-save prints before and after that."""

    felix: bytes
    head: str
    tail: str
    intent: str


ChainTemplate = tuple[str, str, tuple[Template, ...], str]
"""Table, name, rules and intent of a chain."""


def template(target: str, *words: Words, comment: str = "", intent: str = "") -> Template:
    """A rule from its parts. `target` is in iptables-save's words (`-j ACCEPT`, `-g cali-fw-…`), "" for none."""
    remark = f'-m comment --comment "{comment}"' if comment else ""
    felix = (remark, *(word.felix for word in words), _felix_target(target))
    head = (*(word.basic for word in words), _HASH)
    tail = ('"', remark, *(word.match for word in words), _saved_target(target))
    return Template(_joined(felix).encode(), _joined(head), _joined(tail), intent or comment)


def goto(option: str, device: str, chain: str, intent: str) -> Template:
    """The rule that leads from a device (`-i` or `-o`) to a chain, made directly: there are two for every pod."""
    way = "--in-interface" if option == "-i" else "--out-interface"
    return Template(f"{way} {device} --goto {chain}".encode(), f"{option} {device} {_HASH}", f'" -g {chain}', intent)


def hashed(chain: str, templates: tuple[Template, ...]) -> tuple[Rule, ...]:
    """The rules of a chain with their hashes, as iptables-save prints them.

    What Felix appends to a built-in chain it hashes apart, under the name `FORWARD*appends*`.
    """
    digest = sha224(chain.encode()).digest()
    start = f"-A {chain} HASH ".encode()
    rules = []
    for felix, head, tail, intent in templates:
        digest = sha224(digest + start + felix).digest()
        rules.append(Rule(f"{head}{_base64(digest[:HASH_BYTES])}{tail}", intent))
    return tuple(rules)


@lru_cache(MOST_NAMES)
def chain_name(prefix: str, name: str) -> str:
    """A chain's name, its variable part hashed when both are too long for iptables (felix, length limited ids)."""
    if len(prefix) + len(name) <= LONGEST_CHAIN:
        return prefix + name
    return f"{prefix}_{_base64(sha256(name.encode()).digest())}"[:LONGEST_CHAIN]


def mark(value: str, mask: str) -> Words:
    """Packets whose mark has this value under the mask. Felix writes a zero as 0, iptables-save as 0x0."""
    saved = "0x0" if value == "0" else value
    return Words(f"-m mark --mark {value}/{mask}", match=f"-m mark --mark {saved}/{mask}")


def set_mark(value: str, mask: str) -> str:
    """The target that sets the bits of the mask to a value."""
    return f"-j MARK --set-mark {value}/{mask}"


def incoming(device: str) -> Words:
    return Words(f"--in-interface {device}", basic=f"-i {device}")


def outgoing(device: str) -> Words:
    return Words(f"--out-interface {device}", basic=f"-o {device}")


def protocol(number: int, name: str) -> Words:
    """A protocol that Felix gives by number and iptables-save by name."""
    return Words(f"-p {number}", basic=f"-p {name}")


def named_protocol(name: str) -> Words:
    return Words(f"-p {name}", basic=f"-p {name}")


def to_ports(ports: int) -> Words:
    return Words(f"-m multiport --destination-ports {ports}", match=f"-m multiport --dports {ports}")


def plain(text: str) -> Words:
    """A match that both write in the same way."""
    return Words(text, match=text)


def _joined(parts: tuple[str, ...]) -> str:
    return " ".join(filter(None, parts))


def _felix_target(target: str) -> str:
    return target.replace("-j ", "--jump ", 1).replace("-g ", "--goto ", 1)


def _saved_target(target: str) -> str:
    return target.replace("--set-mark 0/", "--set-xmark 0x0/").replace("--set-mark ", "--set-xmark ")


def _base64(data: bytes) -> str:
    """Base64 that is safe in URLs, without the detours of the library's own function."""
    return b2a_base64(data, newline=False).translate(_URL_SAFE).decode()
