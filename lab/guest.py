"""`python -m lab.guest LAB CONFINEMENT`: the warm process in a lab's virtual machine.

It starts the lab's agent, joins whoever asks over the line with whoever answers here, and runs the commands that enter
places in processes forked from itself: what they are made of is imported once. It ends with the agent, and the machine with it.
"""

from __future__ import annotations

import errno
import gc
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from lab.agent import client, folder, starting
from lab.agent.apiserver.kubeconfig import NAME as KUBECONFIG
from lab.agent.protocol import error_message
from lab.agent.starting import Started
from lab.errors import HoplabError, LabError, MachineError
from lab.kernel.life import Life
from lab.kernel.sandbox.confinement import Confinement
from lab.vm import session
from lab.attendant import attend
from lab.vm.keeper import AGENT, API
from lab.vm.machine import MODPROBE, PORT
from lab.vm.switch import Switch

_WARM = (
    "lab.program",
    "lab.tasks.tracing",
    "lab.tasks.inside",
    "lab.tasks.following",
    "lab.trace.trace",
    "lab.trace.page",
    "lab.trace.story",
    "lab.trace.watch",
    "lab.kernel.visit",
    "lab.network.labmap",
    "rich.console",
    "rich.text",
)
"""What commands that enter places import when they need it."""
_MODULES = ("br_netfilter", "overlay", "vxlan", "ip_vs", "ipip", "wireguard", "nf_conntrack", "xt_nfacct")
"""Loaded beforehand: inside, nobody minds a tunl0 in the machine itself."""
_SERVER = re.compile(r"server: https://127\.0\.0\.1:(\d+)")
_TURN_SECONDS = 0.2
_START_SECONDS = 120.0


class Guest:
    """The lab's, inside."""

    def __init__(self, lab: str, line: int) -> None:
        self._lab = lab
        self._switch = Switch(line, self._answer, lambda _word: None, first=2)
        self._started: Started | None = None
        self._asked = self._ended = False
        self._kubeconfig = ""
        self._files = [line]

    def live(self, confinement: Confinement) -> None:
        """Until the agent ends, or the line does."""
        try:
            life = self._start(confinement)
        except HoplabError as error:
            self._switch.say(error_message(error))
            self._switch.drain(5.0)
            return
        self._switch.watch(life.fileno(), self._end)
        self._switch.say({"ready": True})
        while not self._ended and self._switch.turn(_TURN_SECONDS):
            self._tell_of_kubeconfig()
            self._bury()
            if self._asked and not self._switch.busy and self._started is not None:
                self._started.__exit__()  # from now on the agent lives for whoever asks it
                self._started = None

    def _start(self, confinement: Confinement) -> Life:
        subprocess.run((MODPROBE, "-a", "-q", *_MODULES), check=False, stderr=subprocess.DEVNULL)
        self._started = starting.start(self._lab, confinement, _START_SECONDS)
        reached = client.reach(self._lab, lambda _text: None)
        if self._started is None or reached is None:
            raise LabError(f"the agent of lab {self._lab!r} did not start in its virtual machine")
        with reached:
            life = Life(reached.life.pid)
        for module in _WARM:
            import_module(module)
        gc.freeze()
        return life

    def _end(self) -> None:
        self._ended = True

    def _answer(self, name: str) -> socket.socket | None:
        try:
            if name == AGENT:
                connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                connection.connect(str(folder.of(self._lab) / folder.SOCKET))
                self._asked = True
                return connection
            if name == API:
                port = _SERVER.search(self._kubeconfig)
                return socket.create_connection(("127.0.0.1", int(port[1])), 5.0) if port else None
            return self._command() if name == session.NAME else None
        except OSError:
            return None

    def _command(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            ours.close()
            self._switch.close()
            os.close(self._files[0])
            attend(self._lab, theirs)
        theirs.close()
        return ours

    def _tell_of_kubeconfig(self) -> None:
        with suppress(OSError):
            text = (folder.of(self._lab) / KUBECONFIG).read_text(encoding="utf-8")
            if text != self._kubeconfig:
                self._kubeconfig = text
                self._switch.say({"kubeconfig": text})

    @staticmethod
    def _bury() -> None:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _line() -> str:
    """The device of our port: nobody links it by its name here."""
    subprocess.run((MODPROBE, "-q", "virtio_console"), check=False)
    for named in Path("/sys/class/virtio-ports").glob("*/name"):
        if named.read_text(encoding="ascii").strip() == PORT:
            return f"/dev/{named.parent.name}"
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def main(lab: str, confinement: Confinement) -> None:
    """In the machine, as root."""
    os.environ["HOME"] = "/root"
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        line = os.open(_line(), os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise MachineError(f"there is no line to the outside: {error.strerror}") from error
    Guest(lab, line).live(confinement)


if __name__ == "__main__":
    main(sys.argv[1], Confinement.from_json(sys.argv[2]))
