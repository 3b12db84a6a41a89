"""What whoever runs in a place can reach of the machine, of other places and of the lab: nothing.

pod-0 ── node-0 ── router ── node-2 ── pod-3
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.labs import ROOT, Lab, inv, standing, until
from tests.integration.living import Api, apply, kubectl
from tests.integration.terminals import Terminal

PLACES = ("pod-0", "node-0", "router", "gateway", "internet", "underlay")
NEVER = ("SYS_ADMIN", "SYS_MODULE", "MKNOD")
# linux/capability.h
NUMBERS = {"SYS_MODULE": 16, "SYS_ADMIN": 21, "NET_ADMIN": 12, "NET_RAW": 13, "SYS_PTRACE": 19, "MKNOD": 27}
EVERY_PROGRAM = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"
KERNEL_WIDE = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/fs/file-max",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sysrq-trigger",
    "/sys/kernel/mm/transparent_hugepage/enabled",
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with standing("two-subnet") as one:
        yield one


@pytest.mark.parametrize("place", ["pod-1", "node-1", *PLACES[2:]])
def test_no_file_of_the_machine_is_changed(lab: Lab, place: str) -> None:
    before = {path: path.read_bytes() for path in (Path("/etc/passwd"), Path("/etc/hosts"), Path("/etc/os-release"))}
    lab.exec_(
        place,
        "sh",
        "-c",
        "echo x > /etc/passwd; echo x >> /etc/hosts; rm -f /etc/os-release /usr/lib/os-release /usr/bin/env;"
        " rm -rf ~ /tmp /var; touch /usr/bin/of-a-place /etc/of-a-place /opt/of-a-place /of-a-place",
    )
    assert {path: path.read_bytes() for path in before} == before
    assert Path("/usr/bin/env").exists()
    for folder in ("/usr/bin", "/etc", "/opt", "/"):
        assert not Path(f"{folder}/of-a-place").exists()
    assert lab.in_(place, "true") == "", "the place can be used as before"


@pytest.mark.parametrize("place", PLACES)
def test_no_setting_of_the_kernel_as_a_whole_is_changed(lab: Lab, place: str) -> None:
    for path in KERNEL_WIDE:
        if Path(path).exists():
            done = lab.exec_(place, "sh", "-c", f'printf x 2>/dev/null > "{path}"')
            assert done.status != 0, f"{place} wrote {path}"


@pytest.mark.parametrize("place", PLACES)
def test_nothing_of_the_person_or_another_lab_is_seen(lab: Lab, place: str) -> None:
    secrets = ("/etc/shadow", "/etc/gshadow", "/etc/ssl/private/*", "/etc/ssh/ssh_host_*_key", "/etc/.host/shadow")
    said = lab.exec_(
        place, "sh", "-c", f"cat {' '.join(secrets)} 2>/dev/null; ls -A /root /home /mnt; ls /run/hoplab /run/user"
    )
    assert not [line for line in said.out.splitlines() if line and not line.startswith("/") and line != "total 0"], (
        said.out
    )
    assert not lab.exec_(place, "ls", str(ROOT)).out, "the checkout is not there"


def test_the_persons_variables_stay_outside(lab: Lab) -> None:
    arguments = ("exec", "pod-0", "--lab", lab.name, "--env", "GIVEN=by name", "--", "env")
    told = inv(*arguments, extra={"SECRET_TOKEN": "x", "KUBECONFIG": "/y", "TERM": "dumb"}).ok()
    names = {line.partition("=")[0] for line in told.splitlines()}
    containers = {"HOSTNAME", *(f"KUBERNETES_SERVICE_{what}" for what in ("HOST", "PORT", "PORT_HTTPS"))}
    expected = {"GIVEN", "TERM", "PATH", "HOME", *containers}
    assert expected <= names <= {*expected, "LANG", "COLORTERM"}, told


@pytest.mark.parametrize("place", PLACES[:-1])
def test_the_capabilities_that_a_command_has(lab: Lab, place: str) -> None:
    told = dict(line.split(":\t") for line in lab.in_(place, "grep Cap /proc/self/status").splitlines())
    held = int(told["CapEff"], 16)
    assert held == int(told["CapBnd"], 16), "and it cannot get more"
    assert held >> NUMBERS["NET_ADMIN"] & held >> NUMBERS["NET_RAW"] & 1
    assert not any(held >> NUMBERS[name] & 1 for name in NEVER), told


def test_a_shell_of_the_lab_enters_its_namespaces_and_no_mount_of_the_machine_is_undone(lab: Lab) -> None:
    assert "10.0.1.10" in lab.in_("underlay", "ip netns exec node-0 ip -4 -o address show eth0")
    for undoing in (
        "umount /opt",
        "mount -o remount,rw,bind /opt",
        "umount /etc/.host",
        "mount -o remount,rw /etc/.host",
    ):
        lab.exec_("underlay", "sh", "-c", f"{undoing}; touch /opt/x /etc/.host/x")
    assert not Path("/opt/x").exists()
    assert not Path("/etc/x").exists()


def test_whoever_signals_the_first_process_of_a_place_ends_nothing_but_what_is_its_own(lab: Lab) -> None:
    for place in ("pod-0", "node-0", "underlay"):
        lab.exec_(
            place, "sh", "-c", "kill -TERM 1; kill -KILL 1; kill -KILL -1; for n in $(seq 2 40); do kill -9 $n; done"
        )
    assert lab.is_listed()
    assert "pod-2" in lab.in_("pod-0", "curl -sS --max-time 5 http://10.244.0.66:8080/")


def test_a_node_sees_the_programs_of_its_pods_and_a_pod_its_own(lab: Lab) -> None:
    waiting = lab.start_exec("pod-0", "sleep", "54321")
    try:

        def seen(place: str) -> bool:
            return (
                "54321" in lab.exec_(place, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o 5432[1]").out
            )

        until(lambda: seen("pod-0"), "the pod sees it")
        assert seen("node-0"), "its node sees it"
        for place in ("pod-1", "pod-3", "node-2", "router", "underlay"):
            assert not seen(place), f"{place} sees it"
        assert "lab.agent" not in lab.exec_("node-0", "sh", "-c", EVERY_PROGRAM).out
    finally:
        waiting.kill()
        waiting.communicate()


def test_what_is_written_in_a_place_stays_until_the_place_goes(lab: Lab) -> None:
    lab.in_("pod-0", "touch /tmp/kept /root/kept /etc/kept")
    assert lab.in_("pod-0", "ls /tmp/kept /root/kept /etc/kept").split() == ["/etc/kept", "/root/kept", "/tmp/kept"]
    assert lab.exec_("pod-1", "ls", "/tmp/kept").status != 0


def test_a_command_has_a_terminal_of_the_place_where_the_person_has_one(lab: Lab) -> None:
    words = (sys.executable, str(ROOT / "tasks.py"), "exec", "pod-0", "--lab", lab.name, "--")
    with Terminal((*words, "sh", "-c", "tty; stty size; read typed; echo got $typed; exec cat"), ROOT) as terminal:
        terminal.until("/dev/pts/0")
        terminal.type("hello\n")
        terminal.until("got hello")
        terminal.type("\x03")  # the program's to understand, which ends by it
        until(lambda: "cat" not in lab.in_("pod-0", "ps -e -o comm=").replace("cat\n", "", 1), "Ctrl-C has ended it")


def test_a_shared_folder_is_read_written_and_begun_in(tmp_path: Path) -> None:
    shared = tmp_path / "shared" / "deep"
    shared.mkdir(parents=True)
    shared.chmod(0o777)
    with standing("minimal", "--share", str(shared.parent)) as one:
        script = ("sh", "-c", "pwd; echo written > file")
        assert inv("exec", "pod-1", "--lab", one.name, "--", *script, cwd=ROOT).out == "/\n"
        done = subprocess.run(
            [sys.executable, str(ROOT / "tasks.py"), "exec", "pod-1", "--lab", one.name, "--", *script],
            cwd=shared,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == f"{shared}\n", done.stderr
    assert (shared / "file").read_text() == "written\n"
    for refused in ("/", "/etc", "/usr/lib", "/proc/1", str(tmp_path / "missing")):
        assert "--share" in inv("up", "-t", "minimal", "-L", "never", "--share", refused).refused()


def test_a_program_that_is_only_in_the_persons_folders_is_said_to_be_there(lab: Lab, tmp_path: Path) -> None:
    program = tmp_path / "mine"
    program.write_text("#!/bin/sh\necho mine\n")
    program.chmod(0o755)
    done = lab.exec_("pod-0", str(program))
    assert done.status == 127
    assert "--share" in done.err, done.err


def test_a_program_that_only_the_given_path_hides_is_said_to_be_elsewhere(lab: Lab) -> None:
    done = inv("exec", "pod-0", "--lab", lab.name, "--env", "PATH=/opt", "--", "ls")
    assert "hint: it is /" in done.refused(127), done.err
    assert "not seen" not in done.err, done.err


POWERS = """\
apiVersion: hoplab/v1
kind: Topology
metadata: {name: powers}
"""
POWERED = """\
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  containers:
    - name: one
      image: sh
      command: [sh, -c, "grep CapEff /proc/self/status; sleep 1000"]
      securityContext: {context}
"""


def test_a_pods_program_has_what_its_security_context_says(tmp_path: Path) -> None:
    contexts = {
        "usual": "{}",
        "none": "{capabilities: {drop: [ALL]}}",
        "admin": "{capabilities: {drop: [ALL], add: [NET_ADMIN, SYS_ADMIN, CAP_SYS_NICE]}}",
        "all": "{privileged: true}",
    }
    file = tmp_path / "powers.yaml"
    pods = (POWERED.format(name=name, context=context) for name, context in contexts.items())
    file.write_text(POWERS + "".join(pods), encoding="utf-8")
    with standing(str(file)) as one:
        held = {name: _powers(one, name) for name in contexts}
    assert held["usual"] >> NUMBERS["NET_RAW"] & 1
    assert not held["usual"] >> NUMBERS["NET_ADMIN"] & 1
    assert held["none"] == 0
    assert held["admin"] == 1 << NUMBERS["NET_ADMIN"] | 1 << 23
    assert held["all"] >> NUMBERS["NET_ADMIN"] & 1
    assert not [name for name in held if any(held[name] >> NUMBERS[never] & 1 for never in NEVER)]


def _powers(one: Lab, pod: str) -> int:
    log = Path(f"/proc/{one.pid()}/root/run/hoplab/log/default.{pod}/command.log")
    said = until(lambda: log.exists() and log.read_text(encoding="utf-8"), f"{pod} has said what it holds")
    return int(str(said).rpartition("CapEff:")[2].split()[0], 16)


GREEDY = """\
apiVersion: v1
kind: Pod
metadata: {name: greedy}
spec:
  containers:
    - name: greedy
      image: python
      command: [python3, -c, "x = []\\nwhile True: x.append(bytearray(1 << 20))"]
"""


POD_0 = "{apiVersion: v1, kind: Pod, metadata: {name: pod-0}}"


def test_a_place_is_bounded_in_what_it_writes_and_in_how_many_processes_it_has() -> None:
    with standing("minimal", "--limit", "pids=400,disk=20M") as one:
        _crowd(one)
        _fill(one)


def _crowd(one: Lab) -> None:
    """Who then comes is told what the limit is, and what helps."""
    if one.in_("pod-0", "cat /proc/sys/kernel/pid_max").strip() != "400" and os.geteuid() != 0:
        return
    one.exec_("pod-0", "sh", "-c", "for n in $(seq 500); do sleep 1000 >/dev/null 2>&1 & done")
    for place in ("pod-0", "node-0"):
        said = one.exec_(place, "true").refused(126)
        assert "as many processes run there" in said, said
        assert "--limit pids=" in said, said
    told = kubectl(one, "exec", "pod-0", "--", "true")
    assert "--limit pids=" in told.err, str(told)
    inv("delete", "-f", "-", "--lab", one.name, given=POD_0).ok()
    until(lambda: one.exec_("node-0", "true").status == 0, "all of it has ended with the pod")


def _fill(one: Lab) -> None:
    one.in_("pod-1", "curl -sS http://127.0.0.1:8080/asked")
    full = one.exec_(
        "pod-1", "sh", "-c", "dd if=/dev/zero of=/tmp/full bs=1M count=40 2>&1; ls -s --block-size=M /tmp/full"
    )
    assert "No space left" in full.out, str(full)
    if one.in_("pod-1", "cat /proc/sys/kernel/pid_max").strip() == "400" or os.geteuid() == 0:
        many = one.exec_("pod-1", "sh", "-c", "for n in $(seq 500); do sleep 3 & done; echo all")
        assert "all" not in many.out.split(), "not all of 500 processes begin"
    assert one.is_listed()
    _is_evicted(one)


def _is_evicted(one: Lab) -> None:
    """A pod that has filled its disk ends as on a real node, and can be made anew by the same file."""
    until(lambda: "Evicted" in one.get("pods"), "its kubelet has ended it")
    assert "Evicted" in one.get("events")
    assert Api(one).get("Pod", "default", "pod-1")["status"]["phase"] == "Failed"
    assert one.exec_("node-1", "true").status == 0, "what else runs goes on"
    assert "GET /asked" in kubectl(one, "logs", "pod-1").ok(), "what it has said stays for as long as the pod's object"
    assert "Evicted" in one.exec_("pod-1", "true").refused()
    one.up().ok()
    assert "Evicted" not in one.get("pods"), "the file has a pod that runs"
    assert one.exec_("pod-1", "ls", "/tmp").ok() == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has no control group here that may be made")
def test_a_pod_that_takes_all_memory_is_ended_alone() -> None:
    with standing("minimal", "--limit", "memory=150M") as one:
        apply(one, GREEDY)
        api = Api(one)

        def states() -> str:
            return str(api.get("Pod", "default", "greedy")["status"].get("containerStatuses"))

        until(lambda: "OOMKilled" in states(), "the kernel has ended it")
        assert "OOMKilled" in one.get("events")
        assert one.is_listed()


def test_a_limit_that_cannot_be_kept_is_refused() -> None:
    for given in ("pids=3", "memory=lots", "cpu=", "speed=9", "disk=0", "memory=3", "memory=-1"):
        assert "--limit" in inv("up", "-t", "minimal", "-L", "never", "--limit", given).refused()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's folders are closed to whom root's lab is outside")
def test_a_checkout_that_only_root_may_read(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    for name in ("lab", "topologies"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(closed / name)], check=True)
    subprocess.run(["cp", str(ROOT / "tasks.py"), str(closed)], check=True)
    subprocess.run(["chmod", "-R", "go-rwx", str(closed)], check=True)
    name = f"test-{os.getpid()}-closed"
    try:
        for words in (("up", "-t", "minimal", "-L", name), ("exec", "pod-1", "-L", name, "--", "true")):
            done = subprocess.run(
                [sys.executable, str(closed / "tasks.py"), *words], cwd="/", capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
    finally:
        inv("down", "-L", name)


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's lab has the user's id")
def test_roots_lab_is_nobody_outside(lab: Lab) -> None:
    mapped = Path(f"/proc/{lab.pid()}/uid_map").read_text().split()
    assert int(mapped[1]) >= 65536, mapped
    assert Path(f"/proc/{lab.pid()}").stat().st_uid == int(mapped[1])


def test_a_place_whose_files_were_all_removed_is_of_use_again(lab: Lab) -> None:
    for place in ("pod-1", "node-2"):
        lab.exec_(place, "rm", "-rf", "--no-preserve-root", "/")
        assert lab.in_(place, "ls -d /etc/passwd /usr/bin/ls").split() == ["/etc/passwd", "/usr/bin/ls"]


def test_what_lessons_change_in_etc_is_the_place_s_own(lab: Lab) -> None:
    """A routing table gets a name on a node, and on no other."""
    told = "mkdir -p /etc/iproute2 && echo 100 lesson >> /etc/iproute2/rt_tables"
    lab.exec_("node-0", "sh", "-c", told).ok()
    lab.in_("node-0", "ip route add 10.99.0.0/24 dev lo table lesson")
    assert "10.99.0.0/24" in lab.in_("node-0", "ip route show table lesson")
    assert "lesson" not in lab.exec_("node-1", "cat", "/etc/iproute2/rt_tables").out
    lab.in_("node-0", "ip route flush table 100")
