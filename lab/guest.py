"""`python -m lab.guest LAB CONFINEMENT [MODULE…]`: the warm process in a lab's virtual machine.

It starts the lab's agent, joins whoever asks over the line with whoever answers here, and runs the commands that enter
places in processes forked from itself: what they are made of is imported once. It ends with the agent, and the machine
with it.
"""

from __future__ import annotations

import gc
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from lab.agent import fork
from lab.agent.client import calls
from lab.agent.client.spawn import Started
from lab.agent.presence import folder
from lab.agent.presence.folder import KUBECONFIG
from lab.agent.protocol import error_message
from lab.attendant import attend
from lab.errors import HoplabError, LabError, MachineError
from lab.kernel.sandbox.confinement import Confinement
from lab.kernel.sandbox.life import Life
from lab.vm import virtio_port
from lab.vm.switch import Switch
from lab.vm.virtio_port import AGENT, API, COMMAND, MODPROBE

_WARM = (
    "lab.agent.loop",
    "lab.agent.follow.control",
    "lab.agent.tell.kube_commands",
    "lab.agent.tell.readings",
    "lab.agent.apiserver.app",
    "lab.agent.apiserver.beside",
    "lab.agent.apiserver.connections",
    "lab.agent.apiserver.streams",
    "starlette.applications",
    "cryptography.x509",
    "cryptography.hazmat.primitives.serialization",
    "lab.program",
    "lab.tasks.trace.tracing",
    "lab.tasks.exec",
    "lab.tasks.trace.follow",
    "lab.tasks.verify",
    "lab.trace.trace",
    "lab.trace.show.page",
    "lab.trace.show.wireshark",
    "lab.trace.show.story",
    "lab.trace.live_capture",
    "lab.kernel.netlink.ipvs",
    "lab.kernel.cell.visitor",
    "lab.kernel.netlink.wireguard",
    "lab.map.labmap",
    "rich.console",
    "rich.text",
    "encodings.ascii",
)
"""What the agent, and commands that enter places, import when they need it."""
_MODULES = ("br_netfilter", "overlay", "vxlan", "ip_vs", "dummy", "ipip", "wireguard", "nf_conntrack", "xt_nfacct")
"""Loaded beforehand: inside, nobody minds a tunl0 in the machine itself."""
_SERVER = re.compile(r"server: https://127\.0\.0\.1:(\d+)")
_TURN_SECONDS = 0.2
_START_SECONDS = 120.0


class Guest:
    """The lab's, inside."""

    def __init__(self, lab: str, line: int, further: Sequence[str]) -> None:
        self._lab = lab
        self._further = further
        self._switch = Switch(line, self._answer, lambda _word: None, first=2)
        self._started: Started | None = None
        self._asked = self._ended = False
        self._kubeconfig = ""
        self._line = line

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
        subprocess.run((MODPROBE, "-a", "-q", *_MODULES, *self._further), check=False, stderr=subprocess.DEVNULL)
        for module in _WARM:
            import_module(module)
        gc.freeze()
        self._started = fork.start(self._lab, confinement, _START_SECONDS, warm=True)
        reached = calls.reach(self._lab, lambda _text: None)
        if self._started is None or reached is None:
            raise LabError(f"the agent of lab {self._lab!r} did not start in its virtual machine")
        with reached:
            return Life(reached.life.pid)

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
            return self._command() if name == COMMAND else None
        except OSError:
            return None

    def _command(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            ours.close()
            self._switch.close()
            os.close(self._line)
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


def main(lab: str, confinement: Confinement, further: Sequence[str]) -> None:
    """In the machine, as root."""
    os.environ["HOME"] = "/root"
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        line = os.open(virtio_port.device(), os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise MachineError(f"there is no line to the outside: {error.strerror}") from error
    Guest(lab, line, further).live(confinement)


if __name__ == "__main__":
    main(sys.argv[1], Confinement.from_json(sys.argv[2]), sys.argv[3:])
