"""Programs of pods that end are reported and started anew; what they say is kept.

node 10.9.0.1 ── 10.9.0.2 ns/pod
"""

from __future__ import annotations

import signal
import socket

from lab.kernel.programs import logfile
from lab.kernel.programs.listeners import Listeners
from lab.kernel.programs.logfile import last_lines
from lab.kernel.programs.processes import BUILT_IN, Processes, log, log_path
from lab.kernel.sandbox.namespaces import Namespaces
from lab.network.objects import Listener, Process
from tests.integration.labs import until
from tests.integration.sandboxed import sandboxed, wired

POD = "ns/pod"
TCP, UDP = Listener(POD, "tcp", 8080, "pod"), Listener(POD, "udp", 8080, "pod")


def program(*argv: str) -> Process:
    return Process(POD, "command", argv)


@sandboxed
def test_a_program_that_ends_is_told_once_with_its_status() -> None:
    processes = Processes(wired("node", POD))
    failing = program("sh", "-c", "echo going; echo >&2 wrong; exit 3")
    processes.start(failing)
    assert until(processes.ended, "it has ended") == [(failing, 3)]
    assert processes.ended() == []
    assert processes.last_words(failing, 9) == ["going", "wrong"]
    assert processes.read() == ()
    assert processes.ended_places() == {POD}


@sandboxed
def test_one_that_is_killed_is_told_by_its_signal() -> None:
    processes = Processes(wired("node", POD))
    killed = program("sh", "-c", "kill -9 $$")
    processes.start(killed)
    assert until(processes.ended, "it has ended") == [(killed, -9)]


@sandboxed
def test_one_of_the_labs_own_may_be_told_to_read_again_before_it_heeds_that() -> None:
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    processes = Processes(wired("node", POD))
    own = program("grep", "SigIgn", "/proc/self/status")
    processes.start(own)
    until(processes.ended, "it has ended")
    assert int(processes.last_words(own, 1)[0].split()[1], 16) == 1 << signal.SIGHUP - 1


@sandboxed
def test_a_program_that_is_stopped_has_not_ended_by_itself() -> None:
    processes = Processes(wired("node", POD))
    lasting = program("sleep", "1000")
    processes.start(lasting)
    until(lambda: not processes.is_entering(lasting), "it has begun")
    processes.stop(lasting)
    assert processes.ended() == []


@sandboxed
def test_started_anew_it_has_a_log_of_its_own() -> None:
    processes = Processes(wired("node", POD))
    one = program("sh", "-c", "echo round; exit 1")
    for _ in range(2):
        processes.start(one)
        until(processes.ended, "it has ended")
    assert processes.last_words(one, 9) == ["round"]
    assert last_lines(f"{log(one)}.previous", 9) == ["round"]
    processes.forget(POD)
    assert not log(one).parent.exists()
    assert processes.ended_places() == frozenset()


@sandboxed
def test_logs_outlive_their_place_for_as_long_as_somebody_may_ask_for_them() -> None:
    processes = Processes(wired("node", POD))
    asking = {POD}
    processes.is_outlived = asking.__contains__
    one = program("sh", "-c", "echo done")
    processes.start(one)
    until(processes.ended, "it has ended")
    until(lambda: processes.last_words(one, 9) == ["done"], "it is written down")
    processes.forget(POD)
    assert processes.read() == ()
    assert last_lines(str(log(one)), 9) == ["done"]
    assert not processes.has_old_logs
    asking.clear()
    assert processes.has_old_logs
    processes.let_go_of_logs()
    assert not processes.has_old_logs
    assert not log(one).parent.exists()


@sandboxed
def test_asked_to_end_it_ends_by_itself() -> None:
    processes = Processes(wired("node", POD))
    polite = program("sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done")
    assert not processes.ask_to_end(POD)
    processes.start(polite)
    until(lambda: processes.last_words(polite, 1), "it has begun")
    assert processes.ask_to_end(POD)
    assert until(processes.ended, "it has ended") == [(polite, 7)]


@sandboxed
def test_one_that_lives_is_ended_for_a_restart() -> None:
    processes = Processes(wired("node", POD))
    lasting = program("sleep", "1000")
    processes.start(lasting)
    before = processes.pids
    processes.restart(lasting)
    assert processes.pids.keys() == before.keys()
    assert processes.pids != before


def asked(namespaces: Namespaces, request: str) -> bytes:
    """The built-in server's answer to a request from the node."""
    with namespaces.entered("node"):
        connected = socket.create_connection(("10.9.0.2", 8080), timeout=5)
    with connected:
        connected.sendall(f"{request} HTTP/1.0\r\n\r\n".encode())
        answer = b""
        while data := connected.recv(65536):
            answer += data
    return answer


@sandboxed
def test_the_built_in_server_writes_down_who_asked() -> None:
    namespaces = wired("node", POD)
    listeners = Listeners(namespaces)
    listeners.change((), (TCP, UDP))
    asked(namespaces, "GET /x")
    asked(namespaces, "GET /status/404")
    said = last_lines(str(log_path(POD, BUILT_IN)), 9)
    assert [line.split(" ", 1)[1] for line in said] == ["GET /x 200", "GET /status/404 404"]
    assert said[0].startswith("10.9.0.1:")
    listeners.change((TCP, UDP), ())
    assert len(last_lines(str(log_path(POD, BUILT_IN)), 9)) == 2, "it can be read when the pod has ended"


@sandboxed
def test_its_restart_closes_connections_and_makes_the_pod_well() -> None:
    namespaces = wired("node", POD)
    listeners = Listeners(namespaces)
    listeners.change((), (TCP, UDP))
    assert b" 503 " not in asked(namespaces, "POST /ready/false")
    assert b" 503 Service Unavailable" in asked(namespaces, "GET /ready")
    with namespaces.entered("node"):
        open_one = socket.create_connection(("10.9.0.2", 8080), timeout=5)
    open_one.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert open_one.recv(4096).startswith(b"HTTP/1.1 200")
    listeners.restart(POD)
    assert open_one.recv(4096) == b"", "a connection ends with the program that had it"
    assert b" 200 OK" in asked(namespaces, "GET /ready")
    assert set(listeners.read()) == {TCP, UDP}
    assert len(last_lines(f"{log_path(POD, BUILT_IN)}.previous", 9)) == 3
    with namespaces.entered("node"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        asking.sendto(b"hello", ("10.9.0.2", 8080))
        assert asking.recv(4096).endswith(b"hello")


@sandboxed
def test_a_body_that_nobody_reads_is_no_request() -> None:
    namespaces = wired("node", POD)
    listeners = Listeners(namespaces)
    listeners.change((), (TCP,))
    with namespaces.entered("node"):
        connected = socket.create_connection(("10.9.0.2", 8080), timeout=5)
    connected.sendall(b"POST /ready/false HTTP/1.1\r\nContent-Length: 9\r\n\r\nsome")
    assert connected.recv(4096).endswith(b"ready is false now\n")
    connected.sendall(b" moreGET /ready HTTP/1.1\r\n\r\n")
    assert connected.recv(4096).startswith(b"HTTP/1.1 503 ")
    assert logfile.last_lines(str(log_path(POD, BUILT_IN)), 1)[0].endswith("GET /ready 503")
    listeners.close()
