"""`python -m lab.agent LAB [CONFINEMENT]`: takes the lab's lock, makes the sandbox, and lives in it as its init.

Says one line on standard output: {"listening": true}, {"held": true} when another agent has the lab, or an error. One
that listens says a second line there if the lab ends before whoever reads it was heard: why.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace

from lab import BEGAN, spans
from lab.agent.apiserver.notary import Notary
from lab.agent.apiserver.outside import Outside
from lab.agent.presence import folder, witness
from lab.agent.presence.home import BACKLOG, Home
from lab.agent.presence.starter import Starter
from lab.agent.protocol import error_message
from lab.errors import HoplabError, MachineError
from lab.kernel.host import limits, packages
from lab.kernel.sandbox import identity
from lab.kernel.sandbox import init as sandbox
from lab.kernel.sandbox.cgroups import grouping
from lab.kernel.sandbox.confinement import USUAL, Confinement
from lab.refusal import refusal


def _say(message: dict[str, object]) -> None:
    """One line for the process that started us. That it has died meanwhile is for the service to notice."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(message).encode() + b"\n")


def _refuse(error: HoplabError) -> None:
    _say(error_message(error))


def _home(lab: str, lock: int) -> Home:
    try:
        return Home(lab, folder.new(lab), folder.candidates(), lock)
    except OSError as error:
        told = f"the folder of lab {lab!r} cannot be used: {error.strerror or error}"
        raise MachineError(told, f"ls -la {folder.new(lab)}") from error


def _given_away(lab: str, home: Home, confinement: Confinement) -> Sequence[str]:
    """What belongs to the lab's own root, as it is known here: the folder, and who is in the control groups, whose
    folders this gives.
    """
    root = identity.is_machines_root() and not confinement.privileged
    ids = identity.of_root() if root else identity.ourselves()
    folder.sweep(lab)
    groups = grouping.make(lab, confinement.limits, (ids.uid, ids.gid))
    home.keep(grouping.RECORD, "\n".join(groups.made))
    if root:
        home.give_to(ids.uid, ids.gid)
    return groups.entered


def _outside(home: Home) -> Outside:
    """What the API server has of the host: its loopback, at a port that is free, and the lab's folder."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named: as in apiserver.serving
    made.bind(("127.0.0.1", 0))
    made.listen(64)
    made.setblocking(False)
    return Outside(made, home)


def _quiet() -> int:
    """Let go of the output of whoever started us: a pipe behind it must not stay open for as long as the lab lives.
    Gives the pipe to the starter itself.
    """
    from lab.kernel.programs.processes import LOGS  # noqa: PLC0415  only now, as in `life`

    LOGS.mkdir(parents=True, exist_ok=True)
    starter = os.dup(1)
    output = os.open(LOGS / "agent.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    return starter


def _import_service() -> None:
    """What the agent is made of: only in the sandbox, whose init keeps it."""
    with spans.span("imports of what it lives on"):
        import lab.agent.loop  # noqa: PLC0415, F401


def main(lab: str, confinement: Confinement, *, warm: bool = False) -> None:
    """Ends when the lab ends. In the parent of the sandbox's init: as soon as that lives. A `warm` one, forked from a
    process that has imported everything, has a nursery.
    """
    os.umask(0o022)  # the lab's files are for all of its programs; its folder on the machine is not
    name = witness.take(lab)
    try:
        lock = folder.lock(lab) if name else None
        if name is None or lock is None:
            _say({"held": True})
            return
        with spans.span("programs, folder and control groups"):
            packages.require()
            home = _home(lab, lock)
            groups = _given_away(lab, home, confinement)
    except HoplabError as error:
        _refuse(error)
        return
    limits.allow_many_files()
    outside = _outside(home)

    def alone() -> None:
        nonlocal outside
        if not warm:  # what it would import is there already
            outside = replace(outside, notary=Notary())

    def life() -> None:
        from lab.agent.loop import serve  # noqa: PLC0415  there by now
        from lab.kernel.cell.nursery import Nursery  # noqa: PLC0415  as above

        # Whoever connects is told who listens: from now on that is this process.
        home.listening.listen(BACKLOG)
        witness.announce(name)
        try:
            _say({"listening": True})
        except BrokenPipeError:
            return  # whoever started us was killed meanwhile
        nursery = Nursery() if warm else None
        serve(lab, name, outside, confinement, Starter(_quiet()), nursery, spans.finish())

    try:
        sandbox.start(
            lab, life, _refuse, alone=alone, meanwhile=_import_service, confinement=confinement, groups=groups
        )
    except HoplabError as error:
        _refuse(error)


def begin(lab: str, confinement: Confinement, began: int = BEGAN, *, warm: bool = False) -> None:
    """The same, with what the machine refuses told like any other error. `began` is when this agent did."""
    try:
        with spans.recording():
            spans.note("imports", began)
            main(lab, confinement, warm=warm)
    except (OSError, MemoryError) as error:
        told = refusal(error)
        if told is None and isinstance(error, OSError) and error.filename:  # its folder, in whatever way it is refused
            told = MachineError(
                f"{error.filename}: {error.strerror}", "is this root of a user namespace? `cat /proc/self/uid_map`"
            )
        if told is None:
            raise
        _refuse(told)


if __name__ == "__main__":
    begin(sys.argv[1], Confinement.from_json(sys.argv[2]) if sys.argv[2:] else USUAL)
