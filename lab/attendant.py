"""Who attends to one command inside a virtual machine: it gives it streams of its own, and hands over what passes."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from lab.kernel.cell.pty import control, hush, resize
from lab.program import act
from lab.tasks import TASKS
from lab.tasks.commandline.exit_status import status_of
from lab.vm.frames import PIECE, Frame, Kind
from lab.vm.session import Asked, Talk, word, write_all

_ENDED_BY_SIGNAL = 128


def attend(lab: str, connection: socket.socket) -> NoReturn:
    """The process that calls this is for nothing else."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        talk = Talk(connection)
        frames = talk.heard() or []
        if frames:
            status = _Attendant(lab, talk, Asked.from_json(word(frames[0]))).run(frames[1:])
            talk.say({"status": status})
    except BrokenPipeError:
        pass
    finally:
        os._exit(status)


class _Attendant:
    def __init__(self, lab: str, talk: Talk, asked: Asked) -> None:
        self._lab, self._talk, self._asked = lab, talk, asked
        self._reading: dict[int, int] = {}
        """by our descriptor, the command's"""
        self._input = -1
        self._terminal = -1
        self._pid = 0

    def run(self, first: Sequence[Frame]) -> int:
        self._pid = self._begin()
        pidfd = os.pidfd_open(self._pid)
        for frame in first:
            self._receive(frame)
        there = True
        while True:
            polling = select.poll()
            for descriptor in (pidfd, *self._reading, *([self._talk.fileno()] if there else [])):
                polling.register(descriptor, select.POLLIN)
            happened = {descriptor for descriptor, _ in polling.poll()}
            if there and self._talk.fileno() in happened:
                frames = self._talk.heard()
                if frames is None:  # whoever asked has gone
                    there = False
                    self._signal(signal.SIGHUP)
                for frame in frames or ():
                    self._receive(frame)
            for descriptor in happened & self._reading.keys():
                self._hand_over(descriptor)
            if pidfd in happened:
                return self._ended()

    def _begin(self) -> int:
        given: dict[int, int] = {}
        if any(self._asked.terminals):
            self._terminal, theirs = os.openpty()
            resize(self._terminal, *self._asked.size)
            if self._asked.terminals[0] and not self._asked.terminals[1]:
                hush(theirs)
            given |= {at: theirs for at, there in enumerate(self._asked.terminals) if there}
        if 0 not in given:
            given[0], self._input = os.pipe()
        ends = [self._input, self._terminal]
        for number in (1, 2, *self._asked.outputs):
            if number not in given:
                reading, given[number] = os.pipe()
                self._reading[reading] = number
                ends.append(reading)
        if self._terminal >= 0:
            self._reading[self._terminal] = 1 if self._asked.terminals[1] else 2
        pid = os.fork()
        if pid == 0:
            self._become(given, [one for one in ends if one >= 0])
        for descriptor in {*given.values()}:
            os.close(descriptor)
        return pid

    def _become(self, given: dict[int, int], others: Sequence[int]) -> NoReturn:
        status = 1
        try:
            os.setsid()
            for descriptor in (*others, self._talk.fileno()):
                os.close(descriptor)
            # Beyond all numbers that are given, so that none is written over before its turn.
            least = max(given) + 1
            high = {number: fcntl.fcntl(descriptor, fcntl.F_DUPFD, least) for number, descriptor in given.items()}
            for number, descriptor in high.items():
                os.dup2(descriptor, number)
            if self._terminal >= 0:
                control(next(number for number, there in enumerate(self._asked.terminals) if there))
            os.environ.update(self._asked.environment)
            os.environ["HOPLAB_LAB"] = self._lab
            sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
            sys.argv = ["tasks.py", *self._asked.argv]
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
            status = status_of(lambda: act(TASKS, self._asked.argv))
        finally:
            os._exit(status)

    def _receive(self, frame: Frame) -> None:
        if frame.kind == Kind.WORD:
            told = word(frame)
            if "size" in told and self._terminal >= 0:
                resize(self._terminal, *told["size"])
            elif "signal" in told:
                self._signal(int(told["signal"]))
            return
        into = self._terminal if self._asked.terminals[0] else self._input
        if frame.kind == Kind.DATA:
            with suppress(OSError):
                write_all(into, frame.data)
        elif self._asked.terminals[0]:
            with suppress(OSError):
                os.write(into, b"\x04")
        else:
            os.close(into)
            self._input = -1

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._pid, number)

    def _hand_over(self, descriptor: int) -> None:
        try:
            piece = os.read(descriptor, PIECE)
        except OSError:  # the terminal's last user has gone
            piece = b""
        with suppress(OSError):
            if piece:
                self._talk.hand(self._reading[descriptor], piece)
        if not piece:
            del self._reading[descriptor]
            os.close(descriptor)

    def _ended(self) -> int:
        """All that it has said is handed over; what it has left running may hold its streams on."""
        _, status = os.waitpid(self._pid, 0)
        while self._reading:
            polling = select.poll()
            for descriptor in self._reading:
                polling.register(descriptor, select.POLLIN)
            happened = polling.poll(0)
            if not happened:
                break
            for descriptor, _ in happened:
                self._hand_over(descriptor)
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else _ENDED_BY_SIGNAL - code
