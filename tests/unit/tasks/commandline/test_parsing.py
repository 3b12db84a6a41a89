"""The command line, word by word: what hands that know kubectl type is understood, the rest is answered with help."""

from __future__ import annotations

from typing import Any

import pytest

from lab.errors import UsageError
from lab.tasks.commandline.parsing import SCRIPT, SEE, Completion, Help, Listing, Script, Version, Wanted, parse
from lab.tasks.commandline.task import LETTERS, Context, command
from tasks import TASKS as NAMED


def wanted(line: str) -> Wanted:
    asked = parse(NAMED, line.split())
    assert isinstance(asked, Wanted), asked
    return asked


def given(line: str) -> dict[str, Any]:
    """The arguments that are not as without them."""
    asked = wanted(line)
    usual = {option.attribute: option.default for option in asked.command.options}
    return {name: value for name, value in asked.arguments.items() if value != usual[name]}


def refused(line: str) -> tuple[str, str]:
    with pytest.raises(UsageError) as error:
        parse(NAMED, line.split())
    assert error.value.exit_status == 2
    return error.value.message, error.value.hint


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("get pods -n shop", {"resource": "pods", "namespace": "shop"}),
        ("get pods -nshop -owide", {"resource": "pods", "namespace": "shop", "output": "wide"}),
        ("get pods -n=shop -o=json", {"resource": "pods", "namespace": "shop", "output": "json"}),
        ("get pods --namespace=shop", {"resource": "pods", "namespace": "shop"}),
        ("get po -A", {"resource": "po", "all_namespaces": True}),
        ("get -Aw pods", {"resource": "pods", "all_namespaces": True, "watch": True}),
        ("get -wn shop pods", {"resource": "pods", "namespace": "shop", "watch": True}),
        ("get pod web-0 -o yaml", {"resource": "pod", "name": "web-0", "output": "yaml"}),
        ("get pods -l app=web,tier!=db", {"resource": "pods", "selector": "app=web,tier!=db"}),
        ("get pods -L one", {"resource": "pods", "lab": "one"}),
        ("apply -f web.yaml", {"file": "web.yaml"}),
        ("delete -f -", {"file": "-"}),
        ("apply web.yaml", {"file": "web.yaml"}),
        ("events -f", {"follow": True}),
        ("graph -o map.svg", {"output": "map.svg"}),
        ("capture node-0/eth0 -w out.pcapng --count 5", {"where": "node-0/eth0", "write": "out.pcapng", "count": 5}),
        ("trace --from pod-0 --to myapp --json -", {"from_": "pod-0", "to": "myapp", "json": "-"}),
        ("trace --from pod-0 --to myapp --count -1", {"from_": "pod-0", "to": "myapp", "count": -1}),
        ("trace diff a.json b.json", {"before": "a.json", "now": "b.json"}),
        ("up -t two-subnet --set a=1 --set=b=2", {"topology": "two-subnet", "set_": ["a=1", "b=2"]}),
        ("up --profile -t two-subnet", {"profile": True, "topology": "two-subnet"}),
        ("up --profile up.json -t two-subnet", {"profile": "up.json", "topology": "two-subnet"}),
        ("up --profile=up.json", {"profile": "up.json"}),
        ("up --profile -", {"profile": "-"}),
        ("up -t two-subnet --profile", {"profile": True, "topology": "two-subnet"}),
        ("down --all", {"all_": True}),
        ("down --all=false", {}),
        ("shell", {}),
        ("shell node-0", {"place": "node-0"}),
        ("shell --lab one node-0", {"place": "node-0", "lab": "one"}),
        ("test -k words", {"k": "words"}),
    ],
)
def test_what_is_typed_is_understood(line: str, arguments: dict[str, Any]) -> None:
    assert given(line) == arguments


def test_what_stands_behind_the_dashes_keeps_its_words_apart() -> None:
    words = ["exec", "node-0", "--", "sh", "-c", "echo  'a b'", "", "--", "-h"]
    asked = parse(NAMED, words)
    assert isinstance(asked, Wanted)
    assert asked.rest == ("sh", "-c", "echo  'a b'", "", "--", "-h"), "joined and split again, it would be another one"


@pytest.mark.parametrize("name", sorted(NAMED))
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_task_tells_its_options(name: str, flag: str) -> None:
    assert parse(NAMED, [name, flag]) == parse(NAMED, [flag, name]) == Help(NAMED[name])


def test_help_is_also_found_among_other_words() -> None:
    assert parse(NAMED, ["trace", "--from", "pod-0", "-h"]) == Help(NAMED["trace"])
    assert parse(NAMED, ["trace", "diff", "-h"]) == Help(NAMED["trace.diff"])


def test_what_is_asked_of_the_program_itself() -> None:
    assert parse(NAMED, []) == parse(NAMED, ["-h"]) == parse(NAMED, ["help"]) == Help()
    assert parse(NAMED, ["--list"]) == parse(NAMED, ["-l"]) == Listing()
    assert parse(NAMED, ["--version"]) == parse(NAMED, ["-V"]) == Version()
    assert parse(NAMED, ["--print-completion-script", "zsh"]) == Script("zsh")
    assert parse(NAMED, ["--complete", "--", "get", ""]) == Completion(("get", ""))


@pytest.mark.parametrize(
    ("line", "problem", "hint"),
    [
        ("trcae", "there is no task 'trcae'", "did you mean 'trace'?"),
        ("-h trcae", "there is no task 'trcae'", "did you mean 'trace'?"),
        ("trace.dif", "there is no task 'trace.dif'", "did you mean 'trace.diff'?"),
        ("xyzzy", "there is no task 'xyzzy'", SEE),
        ("--lst", "there is no option --lst before a task", "did you mean '--list'?"),
        ("--print-completion-script csh", "there is no completion for 'csh'", f"{SCRIPT} bash|zsh|fish"),
        ("up --topolgy x", "up has no option --topolgy", "did you mean '--topology'?"),
        ("up --zzzzzz", "up has no option --zzzzzz", "./inv up --help"),
        ("up -topology x", "up has no option -topology", "did you mean '--topology'?"),
        ("up -j", "up has no option -j", "./inv up --help"),
        ("list -w", "list has no option -w", "./inv list --help"),
        ("get pods -o jsn", "-o: there is no 'jsn'", "did you mean 'json'?"),
        ("get pods -o", "-o needs a value", "./inv get --help"),
        ("trace --from --to x", "--from needs a value", "./inv trace --help"),
        ("trace --to x", "trace needs --from", "./inv trace --help"),
        ("trace --from x --count many", "--count: 'many' is no whole number", "./inv trace --help"),
        ("down --all=perhaps", "--all takes no value", "./inv down --help"),
        ("exec", "exec needs PLACE", "./inv exec --help"),
        (
            "exec node-0 ip a",
            "exec: 'ip' is one word too many",
            "what shall run stands behind --: ./inv exec … -- ip …",
        ),
        ("up --profile --topolgy x", "up has no option --topolgy", "did you mean '--topology'?"),
        ("up --profile=", "--profile names no file", "./inv up --help"),
        ("list down", "list: 'down' is one word too many", "./inv list --help"),
        ("get pods -- -n x", "get takes no words after --", "./inv get --help"),
    ],
)
def test_what_cannot_be_understood_is_said_with_what_was_probably_meant(line: str, problem: str, hint: str) -> None:
    assert refused(line) == (problem, hint)


def test_a_letter_means_one_thing_in_a_task() -> None:
    for task in NAMED.values():
        letters = [option.letter for option in task.options if option.letter]
        assert len(letters) == len(set(letters)), task.name
        assert "h" not in letters


def test_the_letters_are_kubectls() -> None:
    kubectl = {"all-namespaces": "A", "file": "f", "follow": "f", "namespace": "n", "output": "o", "selector": "l"}
    wanted = kubectl | {"watch": "w", "lab": "L"}
    assert wanted.items() <= LETTERS.items()


def test_help_for_an_option_that_is_not_there_is_a_mistake() -> None:
    @command(help={"nope": "nothing"})
    def task(_: Context) -> None:
        """Do nothing."""

    with pytest.raises(ValueError, match="task has no option nope"):
        _ = task.options
