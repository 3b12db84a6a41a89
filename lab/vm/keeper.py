"""`python -m lab.vm.keeper LAB OPTIONS`: keeps a lab's virtual machine, and has on this machine what the agents of
other labs have: the name, the folder, the socket, the API's port. Whoever connects is joined with whoever answers.

Says lines of JSON on standard output: {"booting": …}, and then {"listening": true}, {"held": true} when the lab runs
already, or an error. It ends with the machine, and the machine with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lab.agent.presence import folder, witness
from lab.agent.presence.folder import KUBECONFIG
from lab.agent.presence.home import BACKLOG, Home
from lab.agent.protocol import AGAIN, EndedError, error_from, error_message
from lab.errors import HoplabError, LabError, MachineError
from lab.vm import machine
from lab.vm.booting import Boot
from lab.vm.options import Options
from lab.vm.presence import COMMANDS
from lab.vm.switch import Switch
from lab.vm.virtio_port import AGENT, API, COMMAND

BOOT_SECONDS = 300.0
_TURN_SECONDS = 1.0
_PATIENCE_SECONDS = 10.0
_SERVER = re.compile(r"(?<=server: https://127\.0\.0\.1:)\d+")


class Keeper:
    """One lab's."""

    def __init__(self, lab: str, options: Options, home: Home, held: socket.socket) -> None:
        self._boot = Boot(lab, options, home.folder)
        self._lab = lab
        self._home = home
        self._held = held
        self._api = socket.create_server(("127.0.0.1", 0))
        self._commands = _listening(home)
        self._error: HoplabError | None = None
        self._ready = False
        self._asked_to_end = False

    def run(self) -> None:
        """For as long as the machine runs. HoplabError when it does not come up."""
        with self._boot.line(lambda how: _say({"booting": how}), _is_awaited) as line:
            switch = Switch(line.detach(), lambda _name: None, self._hear, first=1)
            end = time.monotonic() + BOOT_SECONDS
            self._home.listening.setblocking(False)
            switch.watch(self._home.listening.fileno(), self._put_off)
            while not self._ready and switch.turn(_TURN_SECONDS):
                if not _is_awaited():
                    return
                if self._asked_to_end:
                    raise EndedError(f"lab {self._lab!r} has ended: somebody ended it while it booted", AGAIN)
                if time.monotonic() > end:
                    raise self._boot.not_up(f"did not come up within {BOOT_SECONDS:.0f} s")
            if not self._ready:
                raise self._error or self._boot.not_up("ended before it was ready")
            self._serve(switch)

    def _serve(self, switch: Switch) -> None:
        self._home.listening.listen(BACKLOG)
        witness.announce(self._held)
        _say({"listening": True})
        _quiet()
        switch.watch(self._held.fileno(), lambda: witness.answer(self._held, str(self._home.folder)))
        for listening, name in ((self._home.listening, AGENT), (self._commands, COMMAND), (self._api, API)):
            self._accept_at(switch, listening, name)
        looked = vanished = time.monotonic()
        while not self._asked_to_end and switch.turn(_TURN_SECONDS):
            now = time.monotonic()
            if now - looked < _TURN_SECONDS:
                continue
            looked = now
            if self._stays_seen(switch):
                vanished = now
            elif now - vanished > _PATIENCE_SECONDS:
                break
        switch.close()

    def _put_off(self) -> None:
        """Whoever asks while it boots is told so, and may end it."""
        with contextlib.suppress(OSError):
            connection, _ = self._home.listening.accept()
            with connection:
                self._asked_to_end = _asks_to_end(connection)
                told = LabError(f"lab {self._lab!r} is booting its virtual machine", "try again in a minute")
                connection.send(json.dumps(error_message(told)).encode() + b"\n")

    def _accept_at(self, switch: Switch, listening: socket.socket, name: str) -> None:
        listening.setblocking(False)
        switch.watch(listening.fileno(), partial(self._accept, switch, listening, name))

    def _accept(self, switch: Switch, listening: socket.socket, name: str) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            connection, _ = listening.accept()
            if name == AGENT and _asks_to_end(connection):
                self._asked_to_end = True
            switch.join(connection, name)

    def _stays_seen(self, switch: Switch) -> bool:
        """Whether the folder is where people look for it, with all that is in it, or could be made anew."""
        try:
            if self._home.missing():
                switch.unwatch(self._home.listening.fileno())
                self._home.make_anew()
                self._accept_at(switch, self._home.listening, AGENT)
            if not (self._home.folder / COMMANDS).exists():
                switch.unwatch(self._commands.fileno())
                self._commands = _listening(self._home)
                self._accept_at(switch, self._commands, COMMAND)
        except OSError:
            return False
        return True

    def _hear(self, word: Mapping[str, Any]) -> None:
        if "error" in word:
            self._error = error_from(dict(word))
        if "kubeconfig" in word:
            port = self._api.getsockname()[1]
            self._home.keep(KUBECONFIG, _SERVER.sub(str(port), word["kubeconfig"]))
        if word.get("ready"):
            self._ready = True


def _asks_to_end(connection: socket.socket) -> bool:
    """Whether the first that is said there is `down`: whoever asks says it at once."""
    connection.settimeout(0.2)
    with contextlib.suppress(OSError):
        return connection.recv(64, socket.MSG_PEEK).startswith(b'{"operation":"down"')
    return False


def _listening(home: Home) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.fchmod(made.fileno(), 0o600)
    path = Path(f"/proc/self/fd/{home.descriptor}", COMMANDS)
    path.unlink(missing_ok=True)
    made.bind(str(path))
    made.listen(BACKLOG)
    return made


def _say(message: Mapping[str, object]) -> None:
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(message).encode() + b"\n")


def _is_awaited() -> bool:
    """Whether whoever started us still reads what we say: a machine that boots for nobody ends."""
    polling = select.poll()
    polling.register(1, 0)
    return not polling.poll(0)


def _quiet() -> None:
    """Let go of the output of whoever started us, but for the pipe by whose end they know that we have ended."""
    os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)


def main(lab: str, options: Options) -> None:
    """Ends when the lab ends."""
    os.umask(0o077)
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        held = witness.take(lab)
        lock = folder.lock(lab) if held else None
        if held is None or lock is None:
            _say({"held": True})
            return
        machine.require()
        home = Home(lab, folder.new(lab), folder.candidates(), lock)
        home.keep(folder.MACHINE, options.kernel.release)
        Keeper(lab, options, home, held).run()
    except HoplabError as error:
        _say(error_message(error))
    except OSError as error:
        _say(error_message(MachineError(f"the folder of lab {lab!r} cannot be used: {error.strerror or error}")))


if __name__ == "__main__":
    main(sys.argv[1], Options.from_json(sys.argv[2]))
