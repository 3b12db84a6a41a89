"""The input of iptables-restore, proven on a simulated kernel: whatever rules there are become those that should be.

*filter
:MINE - [0:0]           a new chain, or a policy
-I / -D / -A            edits of lists
-F / -X                 chains that go
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lab.network.objects import Chain, Rule
from lab.plan.restore import LINES, restore_input
from lab.plan.steps import ChainChange

Tables = dict[str, dict[str, list[str]]]


def chain(name: str, *rules: str, table: str = "filter", policy: str = "") -> Chain:
    return Chain("node-0", table, name, tuple(map(Rule, rules)), policy)


def change(before: Chain | None, after: Chain) -> ChainChange:
    return ChainChange("change" if before else "add", after, before)


def restore(text: str, tables: Tables) -> Tables:
    """What `iptables-restore --noflush` does with these lines; it fails where the real one would."""
    table: dict[str, list[str]] = {}
    for line in text.splitlines():
        verb, _, rest = line.partition(" ")
        if line.startswith("*"):
            table = tables.setdefault(line[1:], {})
        elif line.startswith(":"):
            if rest.startswith("-") or verb[1:] not in table:
                table[verb[1:]] = []
        elif verb == "-A":
            name, _, rule = rest.partition(" ")
            table[name].append(rule)
        elif verb == "-I":
            name, number, rule = rest.split(" ", 2)
            assert 1 <= int(number) <= len(table[name]) + 1, f"no place {number} in {table[name]}"
            table[name].insert(int(number) - 1, rule)
        elif verb == "-D":
            name, number = rest.split(" ")
            assert 1 <= int(number) <= len(table[name]), f"no rule {number} in {table[name]}"
            del table[name][int(number) - 1]
        elif verb == "-F":
            table[rest].clear()
        elif verb == "-X":
            assert not table[rest]
            del table[rest]
        else:
            assert line == "COMMIT", line
    return tables


rules = st.lists(st.sampled_from([f"-p tcp --dport {port} -j ACCEPT" for port in range(6)]), max_size=8)


@given(have=rules, want=rules)
def test_any_rules_become_any_others(have: list[str], want: list[str]) -> None:
    text = restore_input([change(chain("MINE", *have), chain("MINE", *want))])
    assert restore(text, {"filter": {"MINE": list(have)}}) == {"filter": {"MINE": want}}


@given(have=rules, want=rules)
def test_a_rule_that_stays_at_either_end_is_not_touched(have: list[str], want: list[str]) -> None:
    first, last = "-j FIRST", "-j LAST"
    text = restore_input([change(chain("MINE", first, *have, last), chain("MINE", first, *want, last))])
    assert "FIRST" not in text
    assert "LAST" not in text
    assert len(text.splitlines()) <= len(have) + len(want) + 2


@given(have=rules, want=rules)
def test_at_no_moment_is_there_less_than_what_stays(have: list[str], want: list[str]) -> None:
    """New rules are there before old ones go: no packet meets a chain that has neither."""
    text = restore_input([change(chain("MINE", *have), chain("MINE", *want))])
    verbs = [line.split(" ")[0] for line in text.splitlines() if line.startswith("-")]
    assert verbs == sorted(verbs, key=lambda verb: verb == "-D")


def test_one_rule_more_is_one_line() -> None:
    before = chain("MINE", "-j A", "-j B")
    assert restore_input([change(before, chain("MINE", "-j A", "-j NEW", "-j B"))]) == (
        "*filter\n-I MINE 2 -j NEW\nCOMMIT\n"
    )
    assert restore_input([change(before, chain("MINE", "-j A"))]) == "*filter\n-D MINE 2\nCOMMIT\n"
    assert restore_input([change(before, chain("MINE", "-j A", "-j B", "-j C"))]) == "*filter\n-A MINE -j C\nCOMMIT\n"


def test_a_new_chain_is_declared_and_filled_before_it_is_jumped_to() -> None:
    changes = [
        change(chain("INPUT", policy="ACCEPT"), chain("INPUT", "-j OUTER", policy="ACCEPT")),
        change(None, chain("OUTER", "-p tcp -g INNER")),
        change(None, chain("INNER", "-j DROP")),
    ]
    assert restore_input(changes) == (
        "*filter\n:OUTER - [0:0]\n:INNER - [0:0]\n"
        "-A INNER -j DROP\n-A OUTER -p tcp -g INNER\n-A INPUT -j OUTER\nCOMMIT\n"
    )


def test_a_chain_that_goes_is_emptied_after_nobody_jumps_to_it_any_more() -> None:
    mine = chain("MINE", "-j DROP")
    changes = [
        ChainChange("remove", mine, mine),
        change(chain("INPUT", "-j MINE", policy="ACCEPT"), chain("INPUT", policy="ACCEPT")),
    ]
    assert restore_input(changes) == "*filter\n-D INPUT 1\n-F MINE\n-X MINE\nCOMMIT\n"


def test_a_policy_alone() -> None:
    before, after = chain("FORWARD", "-j A", policy="DROP"), chain("FORWARD", "-j A", policy="ACCEPT")
    assert restore_input([change(before, after)]) == "*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n"


def test_tables_are_apart_and_each_is_committed() -> None:
    text = restore_input([change(None, chain("A", table="nat")), change(None, chain("B", table="raw"))])
    assert text == "*raw\n:B - [0:0]\nCOMMIT\n*nat\n:A - [0:0]\nCOMMIT\n"


def test_what_is_too_long_for_one_message_is_committed_in_parts() -> None:
    many = chain("MANY", *[f"-p tcp --dport {port} -j ACCEPT" for port in range(3 * LINES)])
    text = restore_input([change(None, many)])
    parts = text.split("COMMIT\n")[:-1]
    assert all(part.startswith("*filter\n") for part in parts)
    assert max(len(part.splitlines()) for part in parts) <= LINES + 1
    assert restore(text, {}) == {"filter": {"MANY": [rule.text for rule in many.rules]}}


def test_nothing_to_do_is_nothing_to_say() -> None:
    assert restore_input([]) == ""
