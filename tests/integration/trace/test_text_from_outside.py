"""What pods and the network say is shown on a terminal and in a page, and never obeyed.

pod-0 ── trace ──▶ pod-1: answers with a status line that would set the terminal's title and colours
                   failing: its probe says what would clear the screen and forge a row
                   node-0: a rule whose comment would turn the text around
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.labs import PYTHON, Lab, inv, standing, until
from tests.integration.terminals import Terminal

TITLE = "\x1b]0;owned\x07\x1b[31m"
STATUS_LINE = r"\x1b]0;owned\x07\x1b[31m"
SERVER = f"""
import socket
listening = socket.create_server(("", 9090))
print("listens", flush=True)
while True:
    asking, _ = listening.accept()
    asking.recv(4096)
    asking.sendall({f"HTTP/1.1 200 {TITLE}fine" + chr(13) + chr(10) * 2!r}.encode())
    asking.close()
"""
FAILING = r"""
apiVersion: v1
kind: Pod
metadata: {name: failing}
spec:
  nodeName: node-0
  containers:
    - name: failing
      image: built-in
      readinessProbe:
        exec: {command: [sh, -c, "printf 'no \\033[2J\\nlab   pod   forged \\033]0;owned\\007'; exit 1"]}
        periodSeconds: 1
"""
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def hostile() -> Iterator[Lab]:
    with standing("minimal") as one:
        one.in_("node-0", "iptables -I INPUT -p udp --dport 9 -m comment --comment \x1b[31m\u202eevil -j DROP")
        assert not inv("apply", "-f", "-", "-L", one.name, given=FAILING).err
        server = one.start_exec("pod-1", PYTHON, "-c", SERVER)
        assert server.stdout is not None
        assert server.stdout.readline() == b"listens\n"
        yield one
        server.kill()
        server.communicate()


def test_every_way_in_which_a_lab_is_told(hostile: Lab, tmp_path: Path) -> None:
    named = ("-L", hostile.name)
    trace = ("trace", "--from", "pod-0", *named)
    until(lambda: "Unhealthy" in hostile.get("events"), "the probe has failed")
    ways = [
        ("get", "events"),
        ("get", "events", "-o", "yaml"),
        ("get", "events", "-o", "json"),
        ("events",),
        ("events", "--json"),
        ("inspect",),
        ("inspect", "--json"),
        *(("graph", "--format", one) for one in ("svg", "mermaid", "dot")),
        *((*trace, "--to", "pod-1:9090", *how) for how in ((), ("--verbose",), ("--minimal",), ("--json", "-"))),
        (*trace, "--to", "pod-1:9090", "--html", "-"),
        (*trace, "--to", "node-0:9", "--protocol", "udp"),
        (*trace, "--to", "node-0:9", "--protocol", "udp", "--verbose"),
    ]
    for words in ways:
        done = inv(*words, *(() if words[0] == "trace" else named))
        assert done.status in (0, 3), done
        told = done.out + done.err
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", told), f"{words}: {told!r}"
    assert STATUS_LINE in inv(*trace, "--to", "pod-1:9090").ok()
    assert r"\x1b[31m\u202eevil" in inv(*trace, "--to", "node-0:9", "--protocol", "udp").out
    assert not [line for line in hostile.get("events").splitlines() if line.startswith("lab   pod")]
    packets = tmp_path / "packets.pcapng"
    inv(*trace, "--to", "node-0:9", "--protocol", "udp", "--pcap", str(packets))
    assert rb"\x1b[31m\u202eevil" in packets.read_bytes()
    assert b"\x1b[31m" not in packets.read_bytes()


def test_a_terminal_gets_our_colours_and_no_one_elses(hostile: Lab) -> None:
    words = (sys.executable, "tasks.py", "trace", "--from", "pod-0", "--to", "pod-1:9090", "-L", hostile.name)
    with Terminal(words, Path.cwd(), {"TERM": "xterm-256color", "NO_COLOR": ""}) as one:
        one.until("delivered: ")
        assert STATUS_LINE in one.seen
        assert COLOUR.search(one.raw)
        assert set(COLOUR.sub("", one.raw).replace("\r\n", "")) & {"\x1b", "\x07"} == set()


def test_what_a_program_writes_itself_is_the_programs(hostile: Lab) -> None:
    assert hostile.exec_("pod-0", "printf", r"\033[31m").ok() == "\x1b[31m"
