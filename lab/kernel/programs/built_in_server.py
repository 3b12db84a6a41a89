"""The agent's end of one process of the built-in server: makes its sockets inside the pods and hands them over."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from lab import spans
from lab.errors import KernelError
from lab.kernel.host import interpreter
from lab.kernel.programs.echo import MAX_FDS, listen
from lab.kernel.programs.processes import BUILT_IN, log_path
from lab.kernel.sandbox.namespaces import Namespaces
from lab.network.objects import Listener


class BuiltInServer:
    """One process, started with the first listener; when it dies, so does all it served."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._served: dict[str, Listener] = {}

    @property
    def places(self) -> Counter[str]:
        """Where it serves, or did when it died, and with how many sockets."""
        return Counter(listener.place for listener in self._served.values())

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    def read(self) -> tuple[Listener, ...]:
        """What is served now; nothing when the process is dead."""
        return tuple(self._served.values()) if self.pid else ()

    def ended_places(self) -> frozenset[str]:
        """Where something should be served and the process that did is dead."""
        return frozenset() if self.pid else frozenset(listener.place for listener in self._served.values())

    def begin(self) -> None:
        """Start the process, if none lives: it is ready when something is to be served."""
        self._started()

    def change(self, stop: Sequence[Listener], serve: Sequence[Listener]) -> None:
        """Stop some, start some. KernelError when a port is taken, once the others are served, or the server died."""
        with spans.span("built-in server"):
            control = self._started()
            self._send(control, [_name(listener) for listener in stop])
            for listener in stop:
                self._served.pop(_name(listener), None)
            self._serve(control, serve)

    def say(self, listeners: Sequence[Listener]) -> None:
        """Have some that are served, and are the same but for their reply, say this one from now on."""
        control = self._started()
        self._send(control, say=listeners)
        self._served.update({_name(listener): listener for listener in listeners})

    def _serve(self, control: socket.socket, serve: Sequence[Listener]) -> None:
        refused = None
        for start in range(0, len(serve), MAX_FDS):
            made: list[tuple[Listener, socket.socket]] = []
            for place, listeners in groupby(serve[start : start + MAX_FDS], key=attrgetter("place")):
                with self._namespaces.entered(place):
                    for listener in listeners:
                        try:
                            made.append((listener, _socket(listener)))
                        except KernelError as error:
                            refused = refused or error
            try:
                self._send(control, serve=made)
            finally:
                for _, one in made:
                    one.close()
            self._served.update({_name(listener): listener for listener, _ in made})
        if refused is not None:
            raise refused

    def _send(
        self,
        control: socket.socket,
        stop: Sequence[str] = (),
        serve: Sequence[tuple[Listener, socket.socket]] = (),
        say: Sequence[Listener] = (),
    ) -> None:
        if not stop and not serve and not say:
            return
        told = [(_name(one), one.name, one.protocol, _log(one), _reply(one)) for one, _ in serve]
        said = [(_name(one), _reply(one)) for one in say]
        order = json.dumps({"stop": stop, "serve": told, "say": said}).encode()
        try:
            socket.send_fds(control, [order], [made.fileno() for _, made in serve])
            answered = control.recv(1)
        except OSError:
            answered = b""
        if not answered:
            raise KernelError("the built-in server died", "run the same `up` again: it is started anew")

    def _started(self) -> socket.socket:
        if self._control is not None and self.pid:
            return self._control
        self._served.clear()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._process = subprocess.Popen(
            interpreter.command("lab.kernel.programs.echo", "--control", str(theirs.fileno())),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=interpreter.environment(),
        )
        theirs.close()
        self._control = ours
        return ours

    def close(self) -> None:
        """End the server."""
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()


def _socket(listener: Listener) -> socket.socket:
    """In the calling thread's namespace, which is the listener's place."""
    try:
        return listen(listener.protocol, listener.port, listener.address)
    except OSError as error:
        hint = f"./inv exec {listener.place} -- ss -lnp '( sport = :{listener.port} )'"
        told = f"{listener.place}: cannot listen on {listener.protocol} port {listener.port}: {error.strerror}"
        raise KernelError(told, hint) from error


def _name(listener: Listener) -> str:
    return f"{listener.place} {listener.protocol}/{listener.port} {listener.address}".rstrip()


def _log(listener: Listener) -> str:
    """Path of the log; "" for one whose every answer is the same, as kube-proxy writes none of its health checks."""
    return "" if listener.reply else str(log_path(listener.place, BUILT_IN))


def _reply(listener: Listener) -> tuple[int, str, str] | None:
    reply = listener.reply
    return (reply.status, reply.headers, reply.body) if reply else None
