"""A second hand for large labs: a process beside the agent that makes network namespaces and carries out netlink
requests for it, while the agent thinks.

    python3 -m lab.kernel.sandbox.hand CONTROL DONE COUNT

It makes COUNT namespaces, keeps them open, and sends them over CONTROL, a Unix socket, with the numbers under which it
has them. From then on each message there is an order: under which number it has the namespace in which to work,
how many rtnetlink requests there are, and these, packed. DONE is an eventfd in which it counts the orders that are
done. After the first that the kernel refuses it carries out none. An order without requests asks what became of all
before it ("{}", or which failed, where, and what the kernel said); one with a descriptor hands over a namespace, and is
answered by the number that it has now.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lab.errors import KernelError
from lab.kernel.host import interpreter
from lab.kernel.netlink.transport import BATCH_BYTES, Request, RequestError, RouteSocket, chunks, packed
from lab.kernel.sandbox.identity import own_root
from lab.kernel.sandbox.namespaces import fresh
from lab.kernel.syscalls import CLONE_NEWNET, setns

AT_ONCE = 32  # namespaces in a message
LONGEST = 2 * BATCH_BYTES  # of an order
FEWEST = 64  # of less, its start takes longer than it saves
SECONDS = 20.0  # without a word of it, beside milliseconds: whoever hung up meanwhile, and the next `up`, wait for that
_NUMBER, _ORDER = struct.Struct("=I"), struct.Struct("=II")


class Hand:
    """The agent's end."""

    def __init__(self, namespaces: int) -> None:
        """It makes so many namespaces, and has begun when this returns."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._counter = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        told = (theirs.fileno(), self._counter)
        self._process = subprocess.Popen(
            interpreter.command("lab.kernel.sandbox.hand", *map(str, (*told, namespaces))),
            pass_fds=told,
            stdin=subprocess.DEVNULL,
            env=interpreter.environment(),
            user=own_root(),
            group=own_root(),
        )
        theirs.close()
        self._control.settimeout(SECONDS)
        self._to_come = namespaces
        self._made: deque[int] = deque()
        self._theirs: dict[int, int] = {}
        self._waiting = select.poll()
        self._waiting.register(self._counter, select.POLLIN)
        self._waiting.register(self._control, 0)  # its end is told all the same
        self.given = 0  # orders
        self._done = 0

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def done(self) -> int:
        """How many orders are done."""
        with suppress(BlockingIOError):
            self._done += os.eventfd_read(self._counter)
        return self._done

    def wait(self, number: int) -> None:
        """Until so many orders are done."""
        while self.done < number:
            told = self._waiting.poll(SECONDS * 1000)
            if not told:
                raise _silent()
            for fd, event in told:
                if fd != self._counter and event & (select.POLLHUP | select.POLLERR):
                    raise _died()

    def namespace(self) -> int | None:
        """A new one of those that it makes, waited for; None when all have been given."""
        if not self._made and self._to_come:
            with _heard():
                said, fds, _, _ = socket.recv_fds(self._control, AT_ONCE * _NUMBER.size, AT_ONCE)
            if not fds:
                raise _died()
            self._to_come -= len(fds)
            self._made.extend(fds)
            self._theirs.update(zip(fds, (number for (number,) in _NUMBER.iter_unpack(said)), strict=True))
        return self._made.popleft() if self._made else None

    def number(self, netns: int) -> int:
        """Of the namespace behind our descriptor, as it has it."""
        if netns not in self._theirs:
            self._take_rest()
            with _heard():
                socket.send_fds(self._control, [_ORDER.pack(0, 0)], [netns])
            self._theirs[netns] = int(self._answer())
        return self._theirs[netns]

    def order(self, netns: int, requests: list[Request]) -> Iterator[tuple[int, int]]:
        """Have these requests carried out in the namespace when all before are. Gives the numbers of the orders, and
        which request is the first in each.
        """
        number = self.number(netns)
        for start, end in chunks(requests):
            self.given += 1
            with _heard():
                self._control.send(_ORDER.pack(number, end - start) + packed(requests[start:end]))
            yield self.given, start

    def finish(self) -> tuple[int, RequestError] | None:
        """Wait until all orders are done. Where one failed: its number, and what the kernel said to which of its
        requests.
        """
        self._take_rest()
        with _heard():
            self._control.send(_ORDER.pack(0, 0))
        told = json.loads(self._answer())
        return (told["order"], RequestError(told["errno"], told["words"], told["position"])) if told else None

    def _take_rest(self) -> None:
        """The namespaces that are still to come, which are before every answer."""
        waiting: list[int] = []
        while (one := self.namespace()) is not None:
            waiting.append(one)
        self._made.extend(waiting)

    def _answer(self) -> bytes:
        with _heard():
            said = self._control.recv(LONGEST)
        if not said:
            raise _died()
        return said

    def close(self) -> None:
        """End it."""
        self._control.close()
        self._process.kill()
        self._process.wait()
        for fd in self._made:
            os.close(fd)
        os.close(self._counter)


def _died() -> KernelError:
    return KernelError("the process that makes namespaces and links died", "run the same `up` again")


def _silent() -> KernelError:
    return KernelError(
        f"the process that makes namespaces and links has said nothing for {SECONDS:.0f} s", "run the same `up` again"
    )


@contextmanager
def _heard() -> Iterator[None]:
    """KernelError when it does not answer, or is not there any more."""
    try:
        yield
    except TimeoutError as error:
        raise _silent() from error
    except OSError as error:
        raise _died() from error


def _make(control: socket.socket, number: int) -> None:
    made: list[int] = []
    for left in reversed(range(number)):
        made.append(fresh())
        if len(made) == AT_ONCE or not left:
            socket.send_fds(control, [b"".join(map(_NUMBER.pack, made))], made)
            made = []


def _obey(control: socket.socket, counter: int) -> None:
    done, failed = 0, b""
    while True:
        message, fds, _, _ = socket.recv_fds(control, LONGEST, 1)
        if not message:
            return
        netns, number = _ORDER.unpack_from(message)
        if fds:
            control.send(str(fds[0]).encode())
        elif not number:
            control.send(failed or b"{}")
        else:
            done += 1
            failed = failed or _carry_out(netns, number, message, done)
            os.eventfd_write(counter, 1)


def _carry_out(netns: int, number: int, message: bytes, order: int) -> bytes:
    """What is to be told of its failure, b"" for none."""
    setns(netns, CLONE_NEWNET)
    try:
        with RouteSocket() as netlink:
            netlink.carry_out(message[_ORDER.size :], 1, number)
    except RequestError as error:
        told = {"order": order, "position": error.position, "errno": error.errno, "words": error.strerror}
        return json.dumps(told).encode()
    return b""


def main(control: int, counter: int, number: int) -> None:
    """Until the agent closes its end."""
    with socket.socket(fileno=control) as connected:
        _make(connected, number)
        _obey(connected, counter)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
