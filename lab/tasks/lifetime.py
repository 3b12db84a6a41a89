"""`up`, `down`, `list`, `validate`: a lab's life."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lab import spans, terminal
from lab.agent.client import calls
from lab.agent.client.attachments import asked
from lab.agent.client.roll_call import Answered, ask_all
from lab.agent.client.unanswered import UnansweredError
from lab.agent.presence import folder
from lab.errors import HoplabError, LabError, UsageError
from lab.tasks import topologies
from lab.tasks.commandline.task import LAB, Context, command

if TYPE_CHECKING:
    from lab.agent.client.spawn import Started
    from lab.agent.protocol import Message
    from lab.kernel.sandbox.confinement import Confinement

_TOPOLOGY = {
    "topology": "A file, or the name of one that comes with Hoplab.",
    "set": "Change a field of spec: key=value.",
}


@command(
    help={
        **_TOPOLOGY,
        "lab": "The lab's name; without it the topology's.",
        "plan": "Only print what would be done.",
        "share": "Show this folder of yours in every place, to be read and written.",
        "limit": "What programs in places may use: memory=2G,pids=2000,cpu=50%,disk=1G.",
        "privileged": "Root's lab without a user namespace of its own: docs/security.md says what that gives away.",
        "vm": "In a small virtual machine with a kernel of its own: docs/vm.md.",
        "leftovers": "When services.proxy changes: leave what kube-proxy made in its mode of before, to learn from.",
        "kernel": "Of --vm: the kernel's image, such as /boot/vmlinuz-6.1.0-57-amd64.",
        "verify": "Then ask what the file expects: `verify`. The lab stays; status 3 unless all came true.",
        "profile": "Tell where the milliseconds went: a table, and in FILE a trace for Chrome's viewer; - prints that.",
    },
    iterable=["set_", "share", "limit"],
    maybe=["profile"],
)
def up(
    _: Context,
    topology: str = "",
    lab: str = "",
    set_: list[str] | None = None,
    plan: bool = False,
    share: list[str] | None = None,
    limit: list[str] | None = None,
    privileged: bool = False,
    vm: bool = False,
    kernel: str = "",
    leftovers: bool = False,
    verify: bool = False,
    profile: str | bool = False,
) -> None:
    """Build the lab, or bring the one that runs to the file's state."""
    if verify and (plan or profile):
        raise UsageError("--verify asks a lab that is up", "leave out --plan and --profile")
    if profile:
        from lab.tasks.profile import whole_command  # noqa: PLC0415  few want to know

        if plan or vm or kernel:
            raise UsageError("--profile is for what is built on this machine", "leave out --plan, --vm and --kernel")
        if not whole_command.is_measured():
            whole_command.measure("" if profile is True else str(profile))
            return
    source = topologies.find(_given(topology))
    _judge_expectations(source, set_ or [], wanted=verify)
    name = lab or os.environ.get("HOPLAB_LAB") or topologies.lab_name(source)
    if plan:
        terminal.out(_planned(name, source, set_ or []))
        return
    if vm or kernel:
        from lab.tasks import up_vm  # noqa: PLC0415  few labs are in one

        options = up_vm.wanted(kernel, share or [], limit or [], privileged=privileged)
        up_vm.bring_up(name, source, set_ or [], options, leftovers=leftovers)
    else:
        confined = _confinement(share or [], limit or [], privileged)
        if profile:
            whole_command.note(lambda: bring_up(name, source, set_ or [], confined, leftovers=leftovers, profile=True))
            return
        bring_up(name, source, set_ or [], confined, leftovers=leftovers)
    if verify:
        from lab.tasks.verify import ask_after_up  # noqa: PLC0415  few ask at once

        terminal.flush()
        ask_after_up(name)


def _confinement(share: list[str], limit: list[str], privileged: bool) -> Confinement | None:
    """None where nothing is said of it."""
    if privileged and os.geteuid() != 0:
        raise UsageError("--privileged is for root's labs", "an ordinary user has no power to give away: leave it out")
    if not (share or limit or privileged):
        return None
    from lab.kernel.sandbox import confinement  # noqa: PLC0415  few say anything of it

    return confinement.Confinement(privileged, confinement.shared(share), confinement.limits(limit))


def _judge_expectations(source: topologies.Source, settings: list[str], *, wanted: bool = False) -> None:
    """What the agent cannot judge of what the file expects: the words of `cause`, which only those who trace know; and
    whether there is anything, where somebody is going to ask (`wanted`). FileError and UsageError.
    """
    if wanted or ("expect" in source.text and "cause" in source.text):
        from lab.tasks.verify import judge  # noqa: PLC0415  few files say anything of a cause

        judge(source, settings, wanted=wanted)


def _given(topology: str) -> str:
    if not topology:
        raise UsageError("which topology?", f"--topology FILE, or one of: {', '.join(topologies.names())}")
    return topology


def _planned(name: str, source: topologies.Source, settings: list[str]) -> str:
    if name in folder.running():
        with calls.connect(name) as connected:
            return _script(asked(connected, "plan", lambda _event: None, **_request(source, settings))["script"])
    from lab.agent.design.blueprint import read_design  # noqa: PLC0415
    from lab.kernel.host import modules  # noqa: PLC0415
    from lab.network.objects import Network  # noqa: PLC0415
    from lab.network.underlay.netem import Impairments  # noqa: PLC0415
    from lab.plan import plan  # noqa: PLC0415
    from lab.plan.script import script  # noqa: PLC0415

    known = Impairments(netem=modules.is_there("sch_netem"))
    return _script(script(plan(read_design(source.text, source.file, settings, known).held, Network())))


def _script(text: str) -> str:
    return text.rstrip("\n") or "# no changes"


def _request(source: topologies.Source, settings: list[str]) -> dict[str, Any]:
    return {"text": source.text, "file": source.file, "settings": settings, "pid": os.getpid()}


def bring_up(
    name: str,
    source: topologies.Source,
    settings: list[str],
    confined: Confinement | None = None,
    begin: Callable[[Callable[[str], None]], Started | None] | None = None,
    *,
    leftovers: bool = False,
    profile: bool = False,
) -> Message:
    """`up` proper, with progress on a terminal; gives the agent's answer. `confined` is None where nothing was said of
    it. `begin` starts a lab that does not run in another way than usual, and tells how far it is. With `leftovers`
    another mode of kube-proxy leaves what it made, with `profile` the agent tells its phases.
    """
    began = time.monotonic()
    with terminal.Progress(f"{name}: building") as progress:

        def on_event(event: Message) -> None:
            if event["event"] == "waiting":
                progress.say(f"{name}: waiting for {event['for']} of this lab to end")
            else:
                progress.show(event["done"], event["of"], event["place"])

        besides: dict[str, Any] = {"confinement": confined.to_json()} if confined else {}
        if leftovers:
            besides["leftovers"] = True
        if profile:
            besides["profile"] = True

        def starting() -> Started | None:
            if begin is not None:
                return begin(lambda told: progress.show(0, 1, told))
            from lab.agent.fork import start  # noqa: PLC0415  few commands start one

            return start(name, confined)

        connected = calls.connect_or_start(name, progress.say, confined, starting)
        with connected, spans.span("the agent's work"):
            result: Message = asked(connected, "up", on_event, **_request(source, settings), **besides)
    with spans.span("telling"):
        for warning in result["warnings"]:
            terminal.warn(f"warning: {warning}")
        terminal.out(_summary(result, time.monotonic() - began))
    return result


def _summary(result: Message, seconds: float) -> str:
    at_work = sum(result["milliseconds"].values()) / 1000
    if not result["steps"]:
        return f"{result['lab']}: no changes (compared with the kernel in {at_work:.2f} s)"
    lines = [f"{result['lab']}: up: {result['places']} places, {result['pods']} pods, ready in {seconds:.2f} s"]
    shown = result["changes"] if len(result["changes"]) <= 12 else []
    told = (f"  {change['action']:<6} {change['place']}: {change['object']}: {change['reason']}" for change in shown)
    lines += map(terminal.shortened, told)
    if not shown:
        lines[0] += f" ({result['steps']} steps)"
        lines.append(f"  export KUBECONFIG={shlex.quote(str(folder.of(result['lab']) / folder.KUBECONFIG))}")
    return "\n".join(lines)


@command(help={**LAB, "all": "All of your labs."})
def down(_: Context, lab: str = "", all_: bool = False) -> None:
    """End the lab. Everything of it goes: the kernel takes it with the lab's init."""
    names = folder.running() if all_ else (folder.choose(lab or None),)
    if not names:
        terminal.out("no lab is running")
    standing = []
    for name in names:
        try:
            told = calls.end(name)
        except LabError as error:  # the others are ended all the same
            terminal.warn(f"{error.message}\nhint: {error.hint}")
            standing.append(name)
            continue
        if told:
            terminal.warn(told)
        terminal.out(f"{name}: down")
    if standing:
        raise LabError(f"still there: {', '.join(standing)}")


@command
def list_(_: Context) -> None:
    """The labs that run."""
    rows = list(map(_row, ask_all(folder.running(), "read", what="status")))
    if not rows:
        terminal.out("no lab is running: ./inv up --topology two-subnet")
        return
    terminal.out(terminal.table(("NAME", "NODES", "PODS", "SERVICES", "AGE", "PID", "TOPOLOGY"), rows))


def _row(one: Answered) -> tuple[str, ...]:
    pid = str(one.pid or "-")
    if isinstance(one.answer, UnansweredError):
        return (one.lab, "-", "-", "-", "-", pid, "not answering")
    if isinstance(one.answer, HoplabError):
        return (one.lab, "-", "-", "-", "-", pid, "(starting or ending)")
    status = one.answer
    places = status["places"]
    counts = [str(places.get("node", 0)), str(places.get("pod", 0)), str(status["services"])]
    return (one.lab, *counts, terminal.age(time.time() - status["started"]), pid, status["file"])


@command(help=_TOPOLOGY, iterable=["set_"])
def validate(_: Context, topology: str = "", set_: list[str] | None = None) -> None:
    """Check a topology file without building anything."""
    from lab.agent.design.blueprint import read_design  # noqa: PLC0415

    source = topologies.find(_given(topology))
    _judge_expectations(source, set_ or [])
    read = read_design(source.text, source.file, set_ or [])
    for warning in read.warnings:
        terminal.warn(f"warning: {warning}")
    cluster = read.cluster
    terminal.out(
        f"{source.file}: valid: {len(cluster.nodes)} nodes, {len(cluster.pods)} pods, {len(cluster.services)} Services"
    )
