"""The input of `nft -f -`, proven on a simulated kernel: whatever is there becomes what should be, by deltas only.

add table, set, map, chain    declarations
flush chain, add rule         a chain written anew
delete / add element          what differs of a map
delete chain, set             at the end, when nothing leads there any more
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.network.objects import Namespace, Network, NftChain, NftElement, NftHook, NftObject, NftSet, NftTable, Rule
from lab.plan import NftStep, plan
from lab.plan.commands import commands
from lab.plan.nft_input import ROOM, transactions
from lab.plan.script import script
from lab.plan.summary import summary

NODE = Namespace("node-0", "node")
TABLE = NftTable("node-0", "t", "mine")
VERDICTS = "inet_service : verdict"


def chain(name: str, *rules: str, hook: NftHook | None = None) -> NftChain:
    return NftChain("node-0", "t", name, tuple(map(Rule, rules)), hook)


def ways(name: str = "ways", **verdicts: str) -> NftSet:
    return NftSet("node-0", "t", name, VERDICTS, tuple(NftElement(key, verdicts[key]) for key in sorted(verdicts)))


@dataclass
class Simulated:
    """A table as the kernel has it. It refuses what the real one refuses: to lose what something leads to."""

    chains: dict[str, list[str]] = field(default_factory=dict)
    hooks: dict[str, str] = field(default_factory=dict)
    sets: dict[str, dict[str, str]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    lines: int = 0

    def led_to(self) -> set[str]:
        texts = [rule for rules in self.chains.values() for rule in rules]
        texts += [verdict for elements in self.sets.values() for verdict in elements.values()]
        return {word for text in texts for word in re.findall(r"(?:jump|goto) (\S+)|@(\S+)", text) for word in word}

    def load(self, text: str) -> None:
        for line in text.splitlines():
            self.lines += 1
            verb, what, _family, rest = line.split(" ", 3)
            name, _, told = rest.partition(" ")[2].partition(" ")
            getattr(self, f"_{verb}_{what.replace('map', 'set')}")(name, told)

    def _add_table(self, _name: str, _rest: str) -> None:
        pass

    def _delete_table(self, _name: str, _rest: str) -> None:
        self.chains, self.hooks, self.sets, self.kinds = {}, {}, {}, {}

    def _add_set(self, name: str, rest: str) -> None:
        assert name not in self.sets
        self.sets[name], self.kinds[name] = {}, rest

    def _delete_set(self, name: str, _rest: str) -> None:
        assert name not in self.led_to(), f"{name} is busy"
        del self.sets[name], self.kinds[name]

    def _add_chain(self, name: str, rest: str) -> None:
        assert name not in self.chains
        self.chains[name], self.hooks[name] = [], rest

    def _flush_chain(self, name: str, _rest: str) -> None:
        self.chains[name].clear()

    def _delete_chain(self, name: str, _rest: str) -> None:
        assert not self.chains[name], f"{name} is not empty"
        assert name not in self.led_to(), f"{name} is busy"
        del self.chains[name], self.hooks[name]

    def _add_rule(self, name: str, rest: str) -> None:
        self.chains[name].append(rest)
        self._lead(rest)

    def _delete_element(self, name: str, rest: str) -> None:
        for key in rest.strip("{ }").split(", "):
            del self.sets[name][key]

    def _add_element(self, name: str, rest: str) -> None:
        for one in rest.strip("{ }").split(", "):
            key, _, verdict = one.partition(" : ")
            assert key not in self.sets[name]
            self.sets[name][key] = verdict
            self._lead(verdict)

    def _lead(self, text: str) -> None:
        for target in re.findall(r"(?:jump|goto) (\S+)", text):
            assert target in self.chains, f"no chain {target}"
        for target in re.findall(r"@(\S+)", text):
            assert target in self.sets, f"no set {target}"


def network(*objects: NftObject) -> Network:
    return Network((NODE, *objects))


def steps(after: Network, before: Network) -> NftStep:
    (step,) = plan(after, before).steps
    assert isinstance(step, NftStep)
    return step


def bring(kernel: Simulated, before: Network, after: Network) -> Simulated:
    kernel.lines = 0
    for step in plan(after, before).steps:
        assert isinstance(step, NftStep)
        needed = transactions(step.changes)
        for text in (*needed.changes, *needed.removals):
            kernel.load(text)
    return kernel


ENDPOINTS = ("endpoint-a", "endpoint-b", "endpoint-c")
PORTS = ("80", "443", "53")


@st.composite
def tables(draw: st.DrawFn) -> Network:
    """A table like kube-proxy's: a base chain, a map that leads to choosers, endpoints, sets with a timeout."""
    endpoints = draw(st.lists(st.sampled_from(ENDPOINTS), unique=True))
    sticky = draw(st.lists(st.sampled_from(endpoints), unique=True)) if endpoints else []
    seconds = draw(st.sampled_from((60, 90)))
    choosers = [
        chain(
            f"service-{port}",
            *(f"ip saddr @affinity-{one} goto {one}" for one in sticky),
            *(f"goto {one}" for one in draw(st.permutations(endpoints))),
        )
        for port in draw(st.lists(st.sampled_from(PORTS), unique=True))
    ]
    remember = "update @affinity-{} {{ ip saddr }}"
    led = {one.name.removeprefix("service-"): f"goto {draw(st.sampled_from(choosers)).name}" for one in choosers}
    base = chain("nat", "th dport vmap @ways", hook=NftHook("nat", "prerouting", draw(st.sampled_from((-100, -90)))))
    if draw(st.booleans()):
        return network()
    return network(
        TABLE,
        ways(**led),
        *(NftSet("node-0", "t", f"affinity-{one}", "ipv4_addr", (), seconds) for one in sticky),
        base,
        *choosers,
        *(chain(one, *([remember.format(one)] if one in sticky else []), "accept") for one in endpoints),
    )


@given(before=tables(), after=tables())
def test_any_table_becomes_any_other(before: Network, after: Network) -> None:
    kernel = bring(Simulated(), network(), before)
    assert bring(kernel, before, after) == replace(bring(Simulated(), network(), after), lines=kernel.lines)


@given(wanted=tables())
def test_nothing_differs_nothing_is_done(wanted: Network) -> None:
    assert not plan(wanted, wanted)


A, B = chain("endpoint-a", "accept"), chain("endpoint-b", "accept")
BASE = chain("nat", "th dport vmap @ways", hook=NftHook("nat", "prerouting", -100))
WHOLE = (TABLE, ways(**{"80": "goto endpoint-a", "443": "goto endpoint-a"}), BASE, A, B)


@pytest.mark.parametrize(
    ("what", "wanted", "text"),
    [
        (
            "an element leads elsewhere",
            (TABLE, ways(**{"80": "goto endpoint-b", "443": "goto endpoint-a"}), BASE, A, B),
            "delete element ip t ways { 80 }\nadd element ip t ways { 80 : goto endpoint-b }\n",
        ),
        (
            "an element goes",
            (TABLE, ways(**{"443": "goto endpoint-a"}), BASE, A, B),
            "delete element ip t ways { 80 }\n",
        ),
        (
            "a chain's rules",
            (*WHOLE[:3], chain("endpoint-a", "drop"), B),
            "flush chain ip t endpoint-a\nadd rule ip t endpoint-a drop\n",
        ),
        (
            "a chain that nothing leads to",
            (*WHOLE, chain("endpoint-c", "drop")),
            "add chain ip t endpoint-c\nadd rule ip t endpoint-c drop\n",
        ),
        (
            "a base chain at another place",
            (*WHOLE[:2], replace(BASE, hook=NftHook("nat", "prerouting", -90)), A, B),
            "flush chain ip t nat\ndelete chain ip t nat\n"
            "add chain ip t nat { type nat hook prerouting priority -90 ; policy accept ; }\n"
            "flush chain ip t nat\nadd rule ip t nat th dport vmap @ways\n",
        ),
    ],
)
def test_only_what_differs_is_written(what: str, wanted: tuple[NftObject, ...], text: str) -> None:
    needed = transactions(steps(network(*wanted), network(*WHOLE)).changes)
    assert needed.changes == (text,), what
    assert needed.removals == ()


def test_what_nothing_leads_to_any_more_goes_last() -> None:
    wanted = network(TABLE, ways(), BASE)
    needed = transactions(steps(wanted, network(*WHOLE)).changes)
    assert needed.changes == ("delete element ip t ways { 443, 80 }\n",)
    assert "".join(needed.removals) == (
        "flush chain ip t endpoint-a\nflush chain ip t endpoint-b\n"
        "delete chain ip t endpoint-a\ndelete chain ip t endpoint-b\n"
    )


def test_a_table_that_is_not_wanted_goes_as_a_whole() -> None:
    needed = transactions(steps(network(), network(*WHOLE)).changes)
    assert (needed.changes, needed.removals) == ((), ("delete table ip t\n",))


def test_a_large_table_is_many_small_transactions_each_of_which_leads_nowhere_else() -> None:
    """An ordinary user's netlink socket does not take more at a time."""
    endpoints = [chain(f"endpoint-{number}", "accept", "drop") for number in range(3000)]
    led = {str(number): f"goto {one.name}" for number, one in enumerate(endpoints)}
    parts = transactions(steps(network(TABLE, ways(**led), BASE, *endpoints), network()).changes).changes
    assert len(parts) > 5
    assert all(len(part) <= ROOM for part in parts)
    kernel = Simulated()
    for part in parts:
        assert not any(kernel.chains.get("nat", ())), "nothing is reachable before all of it is there"
        kernel.load(part)
    assert kernel.chains["nat"]


def test_the_plan_shows_what_is_typed() -> None:
    step = steps(network(TABLE, ways(**{"80": "drop"}), BASE), network(*WHOLE))
    assert commands(step) == (
        "ip netns exec node-0 nft -f - <<'EOF'\n"
        "delete element ip t ways { 443 }\n"
        "delete element ip t ways { 80 }\nadd element ip t ways { 80 : drop }\nEOF\n"
        "ip netns exec node-0 nft -f - <<'EOF'\n"
        "flush chain ip t endpoint-a\nflush chain ip t endpoint-b\n"
        "delete chain ip t endpoint-a\ndelete chain ip t endpoint-b\nEOF"
    )
    assert script(plan(network(TABLE), network())).startswith(
        "# ── node-0 ──\n# nftables: 1 to add\nip netns exec node-0 nft -f -"
    )


def test_the_summary_names_each_object_and_what_is_the_matter() -> None:
    changes = plan(network(TABLE, ways(**{"80": "drop"}), BASE, chain("endpoint-a", "drop")), network(*WHOLE))
    assert {(one["action"], one["object"]): one["reason"] for one in summary(changes)} == {
        ("change", "nft map t ways"): "missing element '80 : drop', foreign element '443 : goto endpoint-a', "
        "foreign element '80 : goto endpoint-a'",
        ("change", "nft chain t endpoint-a"): "missing rule 'drop', foreign rule 'accept'",
        ("remove", "nft chain t endpoint-b"): "not in the file",
    }
