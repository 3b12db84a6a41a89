"""Several processes serve, where one may not have as many sockets.

ns/pod-0, ns/pod-1 ── one process        ns/pod-2 ── another
"""

from __future__ import annotations

import os
import signal
import socket

from lab.kernel.programs.listeners import Listeners
from lab.kernel.sandbox.namespaces import Namespaces
from lab.network.objects import Listener
from tests.integration.labs import until
from tests.integration.sandboxed import sandboxed

PODS = ("ns/pod-0", "ns/pod-1", "ns/pod-2")


def _of(place: str) -> tuple[Listener, ...]:
    return tuple(Listener(place, protocol, 8080, place) for protocol in ("tcp", "udp"))


def _answers(namespaces: Namespaces, place: str) -> bool:
    with namespaces.entered(place), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        asking.connect(("127.0.0.1", 8080))
        try:
            asking.send(b"hello")
            return asking.recv(4096).startswith(place.encode())
        except ConnectionRefusedError:
            return False


def _all_served() -> tuple[Namespaces, Listeners]:
    namespaces = Namespaces()
    for place in PODS:
        namespaces.create(place)
    listeners = Listeners(namespaces, most=4)
    listeners.change((), [one for place in PODS for one in _of(place)])
    return namespaces, listeners


@sandboxed
def test_what_one_process_may_not_serve_another_one_does() -> None:
    namespaces, listeners = _all_served()
    assert len(listeners.pids) == 2
    assert all(_answers(namespaces, place) for place in PODS)
    assert set(listeners.read()) == {one for place in PODS for one in _of(place)}
    listeners.change(_of("ns/pod-0"), ())
    assert not _answers(namespaces, "ns/pod-0")
    listeners.change((), _of("ns/pod-0"))
    assert len(listeners.pids) == 2, "there was room for it"
    assert _answers(namespaces, "ns/pod-0")
    listeners.close()


@sandboxed
def test_when_one_dies_only_what_it_served_is_gone() -> None:
    namespaces, listeners = _all_served()
    os.kill(max(listeners.pids), signal.SIGKILL)
    until(lambda: len(listeners.pids) == 1, "it has ended")
    gone = listeners.ended_places()
    assert gone == {"ns/pod-2"}
    assert _answers(namespaces, "ns/pod-0")
    assert set(listeners.read()) == {*_of("ns/pod-0"), *_of("ns/pod-1")}
    listeners.change((), _of("ns/pod-2"))
    assert len(listeners.pids) == 2
    assert all(_answers(namespaces, place) for place in PODS)
    listeners.close()
