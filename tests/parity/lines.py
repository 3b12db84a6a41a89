"""What a kube-proxy's rules are, line by line, whoever made them: as iptables-save, nft list, and in ipvs mode also
ipset save, ipvsadm -Sn and ip print them.

Left out are the canary chains and nfacct, by which the real one watches its tables and counts; in nftables mode the
chains of Services that it has emptied: it deletes them when it next has something to do; in ipvs mode its sets for
IPv6, which the lab has not, and of a set how large its hash has grown. Where the real one has no order, for it goes
through a Go map, the lines are sorted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

_CHAIN = re.compile(r":(\S+) ")
_RULE = re.compile(r"-A (\S+) (.*)")
_NFACCT = re.compile(r"-m nfacct --nfacct-name +(\S+) ")
_LOCALHOST = "localhost_nps_accepted_pkts"
_CANARY = "-CANARY"
_LAST = "NOTE: this must be the last rule"
_WITHOUT_ORDER = ("KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL")
_KUBELETS = "KUBE-FIREWALL"  # in iptables mode kube-proxy has it, too
_WITHOUT_ORDER_IN_IPVS_MODE = ("KUBE-IPVS-OUT-FILTER",)

_HEADING = re.compile(r"### (ip|ipset|ipvsadm|iptables)\b")
_ADDRESS = re.compile(r"(\d+\.\d+\.\d+\.\d+/\d+)")
_SET = re.compile(r"(create|add) KUBE-(?!6-)")
_GROWN = re.compile(r" (hashsize|bucketsize|initval) \S+")

_BLOCK = re.compile(r"\t(set|map|chain) (\S+) \{")
_ELEMENTS = re.compile(r"elements = \{ (.*) \}")


def lines_of(mode: str, printed: str) -> list[str]:
    """The lines of kube-proxy's own, of all that was printed of a node."""
    if mode == "ipvs":
        return list(_ipvs(printed))
    return list(_iptables(printed, _WITHOUT_ORDER) if mode == "iptables" else _nft(printed))


def _ipvs(printed: str) -> Iterator[str]:
    """Of four tools' lines, each one's under a heading that names it."""
    parts: dict[str, list[str]] = {}
    for line in printed.splitlines():
        if heading := _HEADING.match(line):
            lines = parts.setdefault(heading[1], [])
        elif line:
            lines.append(line)
    yield from sorted(f"address {found[1]}" for line in parts["ip"] if (found := _ADDRESS.search(line)))
    yield from sorted(_GROWN.sub("", line) for line in parts["ipset"] if _SET.match(line))
    yield from sorted(parts["ipvsadm"], key=_by_server)
    rules = (line for line in parts["iptables"] if _KUBELETS not in line)
    yield from _iptables("\n".join(rules), _WITHOUT_ORDER_IN_IPVS_MODE)


def _by_server(line: str) -> tuple[list[str], str]:
    """`-A -t ADDRESS:PORT …` comes before `-a -t ADDRESS:PORT -r …`, and both before those of another."""
    words = line.split()
    return words[1:3], line


def _iptables(saved: str, without_order: Sequence[str]) -> Iterator[str]:
    chains: dict[tuple[str, str], list[str]] = {}
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif (declared := _CHAIN.match(line)) and declared[1].startswith("KUBE-"):
            chains.setdefault((table, declared[1]), [])
        elif rule := _RULE.match(line):
            own = rule[1].startswith("KUBE-")
            if (own or "-j KUBE-" in rule[2]) and _LOCALHOST not in line:
                chains.setdefault((table, rule[1]), []).append(_NFACCT.sub("", rule[2]))
    for (where, chain), rules in sorted(chains.items()):
        if not chain.endswith(_CANARY):
            yield f"{where}: chain {chain}"
            yield from (f"{where}: -A {chain} {rule}" for rule in _ordered(rules, chain in without_order))


def _ordered(rules: list[str], without_order: bool) -> Iterable[str]:
    if not without_order:
        return rules
    end = len(rules)
    while end and _LAST in rules[end - 1]:
        end -= 1
    return (*sorted(rules[:end]), *sorted(rules[end:]))


def _nft(listed: str) -> Iterator[str]:
    blocks: dict[tuple[str, str], list[str]] = {}
    lines: list[str] = []
    for line in listed.splitlines():
        if begins := _BLOCK.fullmatch(line):
            lines = blocks.setdefault((begins[1], begins[2]), [])
        elif line.startswith("\t\t"):
            lines.append(line.strip())
    for (kind, name), told in sorted(blocks.items()):
        if kind == "chain" and "/" in name and not told:
            continue
        yield f"{kind} {name}"
        yield from (f"{kind} {name}: {line}" for line in (told if kind == "chain" else _set(told)))


def _set(told: list[str]) -> Iterator[str]:
    """Its settings, then its elements; what rules have put into it is no one's."""
    joined = " ".join(told)
    settings, _, _ = joined.partition("elements = ")
    yield settings.strip()
    found = _ELEMENTS.search(joined)
    if found and "timeout" not in settings:
        yield from sorted(re.sub(r"\s+", " ", one).strip() for one in found[1].split(","))
