"""What was typed behind `calicoctl`, and what is answered: a table of commands, and of those that a lab has no use for.

Where the real one ends with the text of its usage, this one ends with a sentence; the statuses are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lab.calicoctl import bgp, getting, ipam_check, usage
from lab.calicoctl.answers import Answer, failed, refused
from lab.calicoctl.bgp import Tried, Untried
from lab.calicoctl.options import Given, Options, read
from lab.calicoctl.seen import Seen
from lab.suggestion import nearest

SPOKEN = "v3.32.1"
"""The release of Calico whose calicoctl this is the like of."""

TOP = Options({"log-level": "l", "context": ""}, {"allow-version-mismatch": "", "help": "h", "version": ""})
VERSION = Options({"config": "c", "poll": ""}, {"client": "", "allow-version-mismatch": "", "help": "h"})
STATUS = Options({}, {"allow-version-mismatch": "", "help": "h"})
_PART = Options({}, {"help": "h"})

HELP = """\
calicoctl, answered by the lab, as of Calico {spoken}:

  calicoctl node status                      whether BIRD runs, and its peers
  calicoctl get ippools [NAME…]              also nodes, workloadendpoints (-n NAMESPACE, -A)
                [-o ps|wide|yaml|json|custom-columns=HEADING,…] [--export]
  calicoctl ipam show [--ip=IP | --show-blocks | --show-borrowed | --show-configuration]
  calicoctl ipam check [--show-all-ips] [--show-problem-ips]
  calicoctl version [--client]

It only reads: what a lab is stands in its topology. More: docs/calicoctl.md
"""
_WRITES = "the lab's Calico follows from its topology: change spec.cni there and run `./inv up` again"
_APPLIES = f"{_WRITES}; Kubernetes' own objects: `./inv apply -f FILE`"
NOT_HERE = {
    "create": _APPLIES,
    "replace": _APPLIES,
    "apply": _APPLIES,
    "patch": _APPLIES,
    "delete": _APPLIES,
    "label": _APPLIES,
    "validate": "`./inv validate --topology FILE` checks a topology",
    "datastore": "the lab keeps everything in its agent; there is nothing to migrate or to lock",
    "cluster": "`./inv inspect` tells what the lab is, `./inv events` what happened",
}
NODE_NOT_HERE = {
    "run": "`./inv up` starts the lab's nodes",
    "diags": "`./inv inspect` and `./inv exec node-0 -- ip route` tell what there is",
    "checksystem": "`./inv check` tells what this machine can do",
}
IPAM_NOT_HERE = {
    "release": "an address goes with its pod: `./inv delete -f FILE`, `./inv kubectl -- delete pod …`",
    "split": _WRITES,
    "configure": _WRITES,
}
NODE, IPAM = ("status",), ("check", "show")


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks: from which node, when, and what came of trying its peers, if they were tried."""

    node: str
    now: float
    tried: Tried | None = None


def answer(typed: Sequence[str], seen: Seen, asking: Asking) -> Answer | Untried:
    """To these words; or what is to be tried first."""
    if seen.plugin != "calico":
        return refused(
            f"the lab's network is {seen.plugin}'s, of which calicoctl knows nothing",
            "a node's range of addresses is in `./inv get nodes -o yaml` (podCIDR), the tunnel in "
            "`./inv exec node-0 -- ip -d link show flannel.1`, the ways to other nodes in "
            "`./inv exec node-0 -- ip route` and `bridge fdb show dev flannel.1`",
        )
    top = read(typed, TOP, first=True)
    if top is None or not (top.words or top.has("help") or top.has("version")):
        told = f"Invalid option: '{' '.join(typed)}'. Use flag '--help' to read about a specific subcommand.\n"
        return Answer(told, "", 1)
    if top.has("help"):
        return _help()
    if top.has("version"):
        return Answer("Run 'calicoctl version' to see version information.\n")
    verb = top.words[0]
    if verb not in COMMANDS:
        return _none("", verb, tuple(COMMANDS), NOT_HERE)
    return COMMANDS[verb](top.words, seen, asking)


def _help() -> Answer:
    return Answer(HELP.format(spoken=SPOKEN))


def _invalid(typed: Sequence[str]) -> Answer:
    told = f"invalid option: 'calicoctl {' '.join(typed)}'. Use flag '--help' to read about a specific subcommand"
    return failed(told)


def _none(before: str, what: str, there: Sequence[str], not_here: Mapping[str, str]) -> Answer:
    """Of a command that is none, or none in a lab; `before` is the one that it is a part of."""
    whole = f"{before} {what}".strip()
    if what in not_here:
        return refused(f"calicoctl {whole} has nothing to work on in a lab", not_here[what])
    likely = nearest(what, (*there, *not_here))
    hint = f"did you mean '{likely}'?" if likely else f"one of: {', '.join(there)}"
    return failed(f'unknown command: "{whole}"\nhint: {hint}')


def _get(typed: Sequence[str], seen: Seen, _: Asking) -> Answer:
    given = read(["-A" if word == "-a" else word for word in typed[1:]], getting.OPTIONS)
    if given is not None and given.has("help"):
        return _help()
    if given is None or not (given.words or given.has("filename")):
        return _invalid(typed)
    return getting.get(given, seen)


def _part(
    typed: Sequence[str], there: Sequence[str], not_here: Mapping[str, str]
) -> tuple[str, tuple[str, ...]] | Answer:
    """Which part of the command is meant, and the words behind it; else what is said."""
    given = read(typed[1:], _PART, first=True)
    if given is not None and given.has("help"):
        return _help()
    if given is None or not given.words:
        return _invalid(typed)
    what, *rest = given.words
    return (what, tuple(rest)) if what in there else _none(typed[0], what, there, not_here)


def _options(typed: Sequence[str], rest: Sequence[str], options: Options) -> Given | Answer:
    """The options of a part that takes no words."""
    given = read(rest, options)
    if given is not None and given.has("help"):
        return _help()
    return _invalid(typed) if given is None or given.words else given


def _node(typed: Sequence[str], seen: Seen, asking: Asking) -> Answer | Untried:
    part = _part(typed, NODE, NODE_NOT_HERE)
    if isinstance(part, Answer):
        return part
    given = _options(typed, part[1], STATUS)
    return given if isinstance(given, Answer) else bgp.status(seen, asking.node, asking.tried, asking.now)


def _ipam(typed: Sequence[str], seen: Seen, _: Asking) -> Answer:
    part = _part(typed, IPAM, IPAM_NOT_HERE)
    if isinstance(part, Answer):
        return part
    what, rest = part
    given = _options(typed, rest, usage.OPTIONS if what == "show" else ipam_check.OPTIONS)
    if isinstance(given, Answer):
        return given
    if sum(map(given.has, usage.ALTERNATIVES)) > 1:
        return _invalid(typed)
    return usage.show(given, seen) if what == "show" else ipam_check.check(given, seen)


def _version(typed: Sequence[str], _seen: Seen, _: Asking) -> Answer:
    given = _options(typed, typed[1:], VERSION)
    if isinstance(given, Answer):
        return given
    if given.has("poll"):
        return refused("version --poll waits for another Calico, and a lab's is always the same", "leave out --poll")
    told = f"Client Version:    {SPOKEN}\nGit commit:        none, a lab's own\n"
    if not given.has("client"):
        told += f"Cluster Version:   {SPOKEN}\nCluster Type:      k8s,bgp,kdd\n"
    return Answer(told)


COMMANDS: Mapping[str, Callable[[Sequence[str], Seen, Asking], Answer | Untried]] = {
    "get": _get,
    "ipam": _ipam,
    "node": _node,
    "version": _version,
}
