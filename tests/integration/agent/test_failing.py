"""When something goes wrong: said in words, with the command to try, and the lab is as it was before.

node-0 (pod-0, pod-1) ── subnet-a ── node-1 (pod-2)     router ── subnet-b ── node-2 (pod-3)
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.agent.test_incremental import CURL, POD_4, conversation
from tests.integration.conftest import LabFactory
from tests.integration.labs import INTERRUPTED, PYTHON, ROOT, Lab, finish, inv, standstill, until

FileWriter = Callable[[str], str]

LISTEN = "import socket; s = socket.create_server(('', 9000)); print('listens', flush=True); input()"


def require_as_it_was(one: Lab, text: str, file: FileWriter) -> None:
    """The old file finds nothing to do, and traffic flows."""
    file(text)
    assert one.plan() == "# no changes"
    assert one.drift() == []
    assert one.exec_("pod-0", *CURL, "http://myapp").ok()


def test_a_port_that_somebody_has_taken(lab: LabFactory, file: FileWriter, two_subnet_text: str) -> None:
    one = lab(file(two_subnet_text))
    taker = one.start_exec("pod-1", PYTHON, "-S", "-c", LISTEN)
    assert taker.stdout is not None
    assert taker.stdout.readline() == b"listens\n"
    of_pod_1 = "labels: {app: other}}\nspec:\n  nodeName: node-0\n  containers: [{name: server, image: built-in"
    assert of_pod_1 in two_subnet_text
    wanting = two_subnet_text.replace(of_pod_1, f"{of_pod_1}, ports: [{{containerPort: 9000}}]")
    told = one.up(topology=file(wanting + POD_4)).refused(1)
    assert "namespace001/pod-1: cannot listen on tcp port 9000: Address already in use" in told
    assert "./inv exec namespace001/pod-1 -- ss -lnp" in told
    require_as_it_was(one, two_subnet_text, file)
    assert "pod-4" not in one.inspect(), "what had been built before the failure is gone again"
    finish(taker, "\n")
    one.up(topology=file(wanting + POD_4)).ok()
    assert one.exec_("pod-0", *CURL, "http://10.244.0.3:9000").ok()


def test_a_rule_that_the_kernel_refuses(lab: LabFactory, file: FileWriter, two_subnet_text: str) -> None:
    one = lab(file(two_subnet_text))
    rule = "-A INPUT -p tcp -m nosuchmatch -j DROP"
    refused = two_subnet_text.replace("  dns: {", f"  firewalls: [{{on: node-2, rules: ['{rule}']}}]\n  dns: {{")
    done = one.up(topology=file(refused + POD_4))
    assert done.status in (1, 2), str(done)
    assert "nosuchmatch" in done.err, "the words of who refused it, or ours"
    require_as_it_was(one, two_subnet_text, file)
    assert "pod-4" not in one.inspect()


def test_the_first_up_fails_and_nothing_is_left(lab: LabFactory, file: FileWriter, two_subnet_text: str) -> None:
    command = "command: [no-such-program-anywhere]"
    text = two_subnet_text.replace("[{name: client, image: built-in}]", f"[{{name: client, image: x, {command}}}]")
    one = lab(file(text), up=False)
    told = one.up().refused(1)
    assert "no-such-program-anywhere" in told
    one.require_nothing_left()
    one.up(topology=file(two_subnet_text)).ok()


def test_ctrl_c_while_a_lab_is_built(lab: LabFactory) -> None:
    one = lab("two-subnet", up=False)
    up = one.start_up()
    until(lambda: one.names() or up.poll() is not None, "the first place is there")
    up.send_signal(signal.SIGINT)
    done = finish(up)
    assert done.status in (INTERRUPTED, 0), str(done)
    assert "Traceback" not in done.err
    if done.status:
        one.require_nothing_left()


def test_ctrl_c_while_a_running_lab_is_changed(lab: LabFactory, file: FileWriter, two_subnet_text: str) -> None:
    one = lab(file(two_subnet_text))
    with conversation(one, "pod-0", "10.244.0.129", 8080) as ask:
        first = ask()
        with standstill(one):
            up = one.start_up(topology=file(two_subnet_text + POD_4))
            until(lambda: "namespace001.pod-4" in one.names(), "pod-4 is there")
            up.send_signal(signal.SIGINT)
            done = finish(up)
        assert done.status == INTERRUPTED, str(done)
        assert "Traceback" not in done.err
        require_as_it_was(one, two_subnet_text, file)
        assert ask() == first, "nobody else has noticed"
    assert "namespace001.pod-4" not in one.names()


def path_without(tool: str, folder: Path) -> str:
    """A PATH that has every program of ours but one."""
    for directory in os.environ["PATH"].split(os.pathsep):
        for entry in Path(directory).iterdir() if os.access(directory, os.R_OK) else ():
            link = folder / entry.name
            if entry.name != tool and not link.is_symlink():
                link.symlink_to(entry)
    return str(folder)


def test_a_missing_tool_is_said_before_anything_is_built(lab: LabFactory, tmp_path: Path) -> None:
    one = lab("two-subnet", up=False)
    told = one.up(extra={"PATH": path_without("crun", tmp_path)}).refused(1)
    assert "this machine lacks crun (for the DNS servers' containers)" in told
    assert "hint: " in told
    one.require_nothing_left()


def test_the_systems_own_folders_need_not_be_on_path(lab: LabFactory) -> None:
    """Ordinary users of Debian do not have them there, and iptables is nowhere else."""
    one = lab("minimal", up=False)
    bare = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    one.up(extra=bare).ok()
    inside = inv("exec", "node-0", "--lab", one.name, "--", "iptables", "-S", "INPUT", extra=bare)
    assert "-P INPUT ACCEPT" in inside.ok()


WRONG = [
    ("", ""),
    ("nonsense", ""),
    ("apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: x}\nspec: {nodes: 3}\n", "spec.nodes"),
    ("apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: ../../x}\n", "metadata.name"),
    ("apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: '$(reboot)'}\n", "metadata.name"),
    ("a: &a [x, x]\nb: [*a, *a]\n", ""),
    ("\x00\xff", ""),
    ("{" * 10_000, ""),
]


@pytest.mark.parametrize(("text", "field"), WRONG)
def test_a_file_that_cannot_be_right_builds_nothing(lab: LabFactory, file: FileWriter, text: str, field: str) -> None:
    path = file(text)
    one = lab(path, up=False)
    for done in (one.up(), inv("validate", "--topology", path)):
        told = done.refused()
        assert "topology.yaml:" in told, "file and line"
        assert "nothing was built" in told
        assert field in told
    assert one.processes() == {}


@pytest.mark.parametrize("name", ["../x", "a/b", ";rm", "x" * 300, "", " ", "ü", "a b", "-x"])
def test_a_lab_cannot_have_such_a_name(name: str) -> None:
    if name == "":
        assert "no topology" in inv("up", "--topology", "no-such-one").refused()
        return
    inv("up", "--topology", "minimal", f"--lab={name}").refused()
    inv("inspect", f"--lab={name}").refused()


@pytest.mark.parametrize(
    "arguments",
    [
        ("up",),
        ("up", "--topology", "no-such-topology"),
        ("up", "--topology", str(ROOT)),
        ("up", "--no-such-option"),
        ("no-such-task",),
        ("down", "--lab", "no-such-lab"),
        ("exec", "pod-0", "--lab", "no-such-lab", "--", "true"),
        ("shell", "--lab", "no-such-lab"),
        ("get", "pods", "--lab", "no-such-lab"),
        ("graph", "--lab", "no-such-lab"),
        ("validate",),
    ],
)
def test_what_cannot_be_meant_ends_with_2(arguments: tuple[str, ...]) -> None:
    told = inv(*arguments).refused()
    assert "hoplab: error: " in told
    assert "hint: " in told
