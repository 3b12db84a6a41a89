"""The built-in server of all pods, one process: HTTP on TCP ports, echo on UDP ports, each socket under a pod's name.

    python3 -m lab.kernel.programs.echo --control FD            sockets come over a Unix socket from the agent
    python3 -m lab.kernel.programs.echo --name NAME tcp/8080    alone, in the namespace in which it is started

A socket belongs to the namespace in which it was made, so one process serves a thousand pods. It imports little on
purpose: its memory counts for every lab.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
from collections.abc import Iterable

from lab.kernel.programs import logfile
from lab.kernel.programs.http_answers import Health, body_length, fixed_answer, http_answer
from lab.kernel.programs.logfile import LogFile

MAX_HEAD = 16 * 1024
MAX_LOGGED = 1024  # of what was asked for
MAX_FDS = 250  # the kernel passes at most 253 descriptors in one message
ANY = "0.0.0.0"  # noqa: S104  a pod's server listens on all of the pod's addresses

Reply = tuple[int, str, str]
"""Status, headers and body."""


# None of these is a dataclass: what those are made by takes 1 MiB, and as long to import as all else here.
class Pod:
    """What all sockets of a pod share: its health, its log, and how many sockets there are."""

    __slots__ = ("health", "log", "servers")

    def __init__(self) -> None:
        self.health = Health()
        self.log: LogFile | None = None
        self.servers = 0


class Server:
    """A bound socket and the name under which it answers. With a `reply` it says that to whoever asks."""

    __slots__ = ("name", "pod", "protocol", "reply", "socket")

    def __init__(self, sock: socket.socket, name: str, protocol: str, pod: Pod, reply: Reply | None) -> None:
        self.socket = sock
        self.name = name
        self.protocol = protocol
        self.pod = pod
        self.reply = reply


class Connection:
    """One TCP connection: what has come and is not answered yet, and what waits to be sent.

    `passing` is how much of a request's body is still to come, which nobody reads.
    """

    __slots__ = ("client", "closing", "passing", "received", "server", "socket", "waiting")

    def __init__(self, sock: socket.socket, server: Server, client: str) -> None:
        self.socket = sock
        self.server = server
        self.client = client
        self.received = bytearray()
        self.waiting = bytearray()
        self.passing = 0
        self.closing = False


class Echo:
    """The loop over all sockets."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._servers: dict[str, Server] = {}
        self._pods: dict[str, Pod] = {}

    def serve(
        self, key: str, bound: socket.socket, name: str, protocol: str, log: str = "", reply: Reply | None = None
    ) -> None:
        """Answer on this socket from now on. `key` is "PLACE PROTOCOL/PORT", and `log` the path of the pod's log."""
        pod = self._pods.setdefault(_place(key), Pod())
        pod.servers += 1
        if log and pod.log is None:
            logfile.put_aside(log)
            pod.log = LogFile(log)
        server = Server(bound, name, protocol, pod, reply)
        server.socket.setblocking(False)
        self._servers[key] = server
        self._selector.register(server.socket, selectors.EVENT_READ, server)

    def stop(self, keys: Iterable[str]) -> None:
        """Close these sockets. Connections go on for as long as the pod has any left; then it has ended.

        With it go its connections and its health; what it said is its previous log once it begins again.
        """
        ended = []
        for key in keys:
            server = self._servers.pop(key, None)
            if server:
                self._selector.unregister(server.socket)
                server.socket.close()
                server.pod.servers -= 1
                if not server.pod.servers:
                    ended.append(self._pods.pop(_place(key)))
        if ended:
            self._end(ended)

    def say(self, key: str, reply: Reply) -> None:
        """Answer with this from now on, on a socket that is served."""
        self._servers[key].reply = reply

    def _end(self, pods: list[Pod]) -> None:
        over = {id(pod) for pod in pods}
        for key in tuple(self._selector.get_map().values()):
            if isinstance(key.data, Connection) and id(key.data.server.pod) in over:
                self._hang_up(key.data)
        for pod in pods:
            if pod.log:
                pod.log.close()

    def obey(self, control: socket.socket) -> None:
        """Take orders from the agent: sockets to serve, keys to stop; each message is answered by a byte."""
        self._selector.register(control, selectors.EVENT_READ, control)

    def run(self) -> None:
        """Until the agent's end of the control socket closes."""
        while True:
            for key, events in self._selector.select():
                if isinstance(key.data, Connection):
                    if key.data.socket.fileno() >= 0:  # an order that came with it may have closed it
                        self._converse(key.data, events)
                elif isinstance(key.data, Server):
                    if key.data.socket.fileno() >= 0:
                        self._greet(key.data)
                elif not self._order(key.data):
                    return

    def _order(self, control: socket.socket) -> bool:
        message, fds, _flags, _address = socket.recv_fds(control, 1 << 20, MAX_FDS)
        if not message:
            return False
        order = json.loads(message)
        self.stop(order["stop"])
        for fd, (key, name, protocol, log, reply) in zip(fds, order["serve"], strict=True):
            self.serve(key, socket.socket(fileno=fd), name, protocol, log, reply)
        for key, reply in order["say"]:
            self.say(key, reply)
        control.send(b".")
        return True

    def _greet(self, server: Server) -> None:
        try:
            if server.protocol == "udp":
                payload, client = server.socket.recvfrom(65535)
                head = f"{server.name}\nclient {client[0]}:{client[1]}\n".encode()
                server.socket.sendto((head + payload)[:65507], client)
                return
            accepted, client = server.socket.accept()
        except OSError:
            return  # gone between the event and the call, or a route missing for the answer: the client will see
        accepted.setblocking(False)
        connection = Connection(accepted, server, f"{client[0]}:{client[1]}")
        self._selector.register(accepted, selectors.EVENT_READ, connection)

    def _converse(self, connection: Connection, events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                data = connection.socket.recv(65536)
                if not data:
                    self._hang_up(connection)
                    return
                connection.received += data
                self._answer(connection)
            if connection.waiting:
                del connection.waiting[: connection.socket.send(connection.waiting)]
        except BlockingIOError:
            pass
        except OSError:
            self._hang_up(connection)
            return
        if connection.closing and not connection.waiting:
            self._hang_up(connection)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.waiting else 0)
        self._selector.modify(connection.socket, wanted, connection)

    def _answer(self, connection: Connection) -> None:
        server = connection.server
        while not connection.closing:
            if connection.passing:
                passed = min(connection.passing, len(connection.received))
                del connection.received[:passed]
                connection.passing -= passed
            end = connection.received.find(b"\r\n\r\n")
            if end < 0:
                connection.closing = len(connection.received) > MAX_HEAD
                return
            head = bytes(connection.received[:end])
            del connection.received[: end + 4]
            if server.reply:
                answer, connection.closing = fixed_answer(*server.reply, head)
            else:
                answer, connection.closing = http_answer(server.name, connection.client, head, server.pod.health)
            connection.passing = body_length(head)
            connection.waiting += answer
            if server.pod.log:
                server.pod.log.write(access(connection.client, head, answer))

    def _hang_up(self, connection: Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()


def access(client: str, head: bytes, answer: bytes) -> bytes:
    """The line of the access log: the client, what it asked for, the status."""
    asked = head.partition(b"\r\n")[0].rpartition(b" HTTP/")[0]
    return b"%s %s %s" % (client.encode(), asked[:MAX_LOGGED] or b"-", answer[9:12])


def _place(key: str) -> str:
    return key.partition(" ")[0]


def listen(protocol: str, port: int, address: str = "") -> socket.socket:
    """A socket on one address, or all, of the calling thread's namespace. OSError when the port is taken."""
    at = (address or ANY, port)
    if protocol == "udp":
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(at)
        return sock
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(at)
    sock.listen(128)
    return sock


def main(arguments: list[str]) -> None:
    """`--control FD`, or `--name NAME [--reply JSON] PROTOCOL/[ADDRESS:]PORT…`."""
    echo = Echo()
    if arguments[0] == "--control":
        echo.obey(socket.socket(fileno=int(arguments[1])))
    else:
        replies = arguments[2] == "--reply"
        reply = json.loads(arguments[3]) if replies else None
        for given in arguments[4:] if replies else arguments[2:]:
            protocol, _, end = given.partition("/")
            address, _, port = end.rpartition(":")
            bound = listen(protocol, int(port), address)
            echo.serve(f"{arguments[1]} {given}", bound, arguments[1], protocol, reply=reply)
    echo.run()


if __name__ == "__main__":
    main(sys.argv[1:])
