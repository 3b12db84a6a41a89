"""The agent's loop: answers the commands one by one, reaps what its sandbox leaves, and ends when it is told.

The kernel is changed by one thread only, the writer; the loop stays free to answer and to notice who hung up.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lab import spans
from lab.agent.client.attachments import NeededError
from lab.agent.conversations import Conversations, Operation, Reply
from lab.agent.follow.control import Control
from lab.agent.follow.writer import Writer
from lab.agent.presence import witness
from lab.agent.presence.keeping import keep
from lab.agent.presence.starter import Starter
from lab.agent.protocol import AGAIN, EndedError, Message
from lab.agent.pulse import Pulse, watched_loop
from lab.errors import LabError, UsageError
from lab.kernel.cell.nursery import Nursery
from lab.kernel.host import memory
from lab.kernel.sandbox.confinement import Confinement

if TYPE_CHECKING:
    from lab.agent.apiserver.outside import Outside

UNASKED_SECONDS = 30.0
TURN_SECONDS = 0.001
HUNG_UP_SECONDS = 0.2  # so soon is it noticed that nobody listens any more


def serve(
    name: str,
    held: socket.socket,
    outside: Outside,
    confinement: Confinement,
    starter: Starter,
    nursery: Nursery | None = None,
    begun: Sequence[spans.Span] = (),
) -> None:
    """`held` is the lab's name in the kernel, `nursery` who makes cells, if anybody does; `begun` are
    the phases of its start. Until `down`, SIGTERM, the
    death of whoever asked for a first `up` that never succeeded, or nobody could see the lab any more.
    """
    # What is imported stays for good: the collector need not look at it again and again.
    gc.freeze()
    memory.keep_little()
    gc.set_threshold(50_000, 20, 50)
    # The loop waits no longer than this for a thread at work beside it, each time that it was away for the kernel.
    sys.setswitchinterval(TURN_SECONDS)
    pulse = Pulse()
    with asyncio.Runner(loop_factory=lambda: watched_loop(pulse)) as runner:
        runner.run(_live(name, held, outside, confinement, pulse, starter, nursery, begun))


async def _live(
    name: str,
    held: socket.socket,
    outside: Outside,
    confinement: Confinement,
    pulse: Pulse,
    starter: Starter,
    nursery: Nursery | None,
    begun: Sequence[spans.Span],
) -> None:
    await Service(name, outside, confinement, pulse, starter, nursery, begun).run(held)


class Service:
    """One lab's loop."""

    def __init__(
        self,
        name: str,
        outside: Outside,
        confinement: Confinement,
        pulse: Pulse,
        starter: Starter,
        nursery: Nursery | None,
        begun: Sequence[spans.Span],
    ) -> None:
        self._begun = begun
        self._starter = starter
        self._pulse = pulse
        self._writer = Writer()
        self._control = Control(name, self._writer, outside, confinement, pulse, nursery)
        self._lab = self._control.lab
        self._end = asyncio.Event()
        self._home = outside.home
        self._why: LabError | None = None
        operations: dict[str, Operation] = {
            "hear": self._hear,
            "up": self._up,
            "plan": self._plan,
            "api": self._api,
            "watch": self._watch,
            "apply": self._apply,
            "delete": self._delete,
            "settled": self._settled,
            "events": self._events,
            "read": self._read,
            "objects": self._objects,
            "differences": self._differences,
            "place": self._place,
            "cell": self._cell,
            "said": self._said,
            "components": self._components,
            "switch": self._switch,
            "impair": self._impair,
            "unimpair": self._unimpair,
            "impaired": self._impaired,
            "calicoctl": self._calicoctl,
            "intents": self._intents,
            "down": self._down,
        }
        self._conversations = Conversations(operations, self._end_if_asked_to, self._end_if_nobody_cares)

    async def run(self, held: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._finish, "somebody sent its agent SIGTERM")
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        for ignored in (signal.SIGINT, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        await self._conversations.listen(self._home.listening)
        loop.add_reader(held, lambda: witness.answer(held, str(self._home.folder)))
        keeping = loop.create_task(self._stay_seen())
        self._starter.watch(loop, self._end_if_nobody_cares)
        loop.call_later(UNASKED_SECONDS, self._end_unless_used)
        await self._end.wait()
        keeping.cancel()
        assert self._why is not None
        self._starter.tell(self._why)
        await self._conversations.farewell(self._why)
        # The kernel ends everything else with this process; there is nothing to clean up.

    def _finish(self, why: str, kind: type[LabError] = EndedError) -> None:
        self._because(why, kind)
        self._end.set()

    def _because(self, why: str, kind: type[LabError] = EndedError) -> None:
        """The first reason is the reason. Of an EndedError an `up` that comes just now is told, and ends."""
        self._why = self._why or kind(f"lab {self._lab.name!r} has ended: {why}", AGAIN)

    def _end_if_asked_to(self) -> None:
        """Once whoever asked has been answered."""
        if self._why:
            self._end.set()

    async def _stay_seen(self) -> None:
        self._finish(await keep(self._home, self._seen_anew))

    async def _seen_anew(self, missing: str) -> None:
        """What was missing of the lab's folder is there again, perhaps elsewhere."""
        await self._conversations.listen(self._home.listening)
        self._control.chronicle.write((f"the lab's {missing} was gone",), (f"made anew: {self._home.folder}",))

    def _end_if_nobody_cares(self) -> None:
        """A lab that never came up is of use only to those who are still asking for it."""
        if not self._control.has_come_up and not self._conversations.open and not self._starter.waits:
            self._finish("nobody asked for it any more", LabError)

    def _end_unless_used(self) -> None:
        """Whoever started us was to ask for an `up` at once; without one there is nothing to live for."""
        if not self._control.has_come_up and not self._writer.busy:
            self._finish("nobody asked for an `up`", LabError)

    def _reap(self) -> None:
        """An init gets every orphan of its sandbox; those that we started ourselves are waited for where they were
        started.
        """
        self._control.children_ended()
        if self._writer.busy:
            asyncio.get_running_loop().call_later(0.2, self._reap)
            return
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None:
                return
            if found.si_pid in self._control.children or self._writer.busy:
                asyncio.get_running_loop().call_later(0.2, self._reap)
                return
            os.waitpid(found.si_pid, 0)

    async def _in_writer(self, busy: str, reply: Reply, work: Callable[[], Any]) -> Any:  # noqa: ANN401
        if self._writer.busy:
            reply({"event": "waiting", "for": self._writer.busy})
        return await self._writer.do(busy, work)

    async def _up(self, request: Message, reply: Reply, hung_up: threading.Event) -> Any:  # noqa: ANN401
        who = f"another up (process {request.get('pid', '?')})"
        settings = tuple(request["settings"])
        self._require_as_confined(request.get("confinement", ""))
        asked = (request["text"], request["file"], settings, reply, hung_up.is_set, who, request.get("beside", {}))
        with ExitStack() as stack:
            noted = stack.enter_context(spans.recording(self._begun)) if request.get("profile") else None
            try:
                result = await self._control.up(*asked, leftovers=bool(request.get("leftovers")))
            except NeededError as needed:
                return needed.told()
        return result if noted is None else {**result, "profile": noted}

    def _require_as_confined(self, wanted: str) -> None:
        """UsageError where the lab is to be confined otherwise than it was when it began."""
        if wanted and Confinement.from_json(wanted) != self._lab.confinement:
            told = f"lab {self._lab.name!r} runs with another --share, --limit or --privileged"
            raise UsageError(told, "they are for a lab's whole life: down, then up")

    async def _hear(self, _request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        return {}

    async def _plan(self, request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        settings, beside = tuple(request["settings"]), request.get("beside", {})
        try:
            return await self._control.plan(request["text"], request["file"], settings, beside)
        except NeededError as needed:
            return needed.told()

    async def _read(self, request: Message, reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """What commands show: answered from the design, waiting for a writer at work so that it is the whole truth;
        but for what `list` asks of every lab, which waits for nobody.
        """
        what = request["what"]
        if what == "troubles":
            return self._control.troubles()
        if what == "status":
            return _readings().status(self._lab)
        if what == "pulse":
            return self._pulse.to_json()
        unready = self._control.unready() if what == "map" else {}
        stopped = self._control.stops.all
        return await self._in_writer("a reading", reply, lambda: _readings().read(self._lab, what, unready, stopped))

    async def _objects(self, request: Message, reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """What places should hold, for whoever compares it with what they do hold."""

        def work() -> Any:  # noqa: ANN401
            return _readings().objects(self._lab, request["places"], request["kinds"])

        return await self._in_writer("a reading", reply, work)

    async def _differences(self, request: Message, reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """What of places is not as it should be, for whoever looks for the cause of a loss."""

        def work() -> Any:  # noqa: ANN401
            return _readings().differences(self._lab, request["places"])

        return await self._in_writer("a reading", reply, work)

    async def _place(self, request: Message, reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        finished = self._control.kubelet.finished()
        return await self._in_writer(
            "a reading", reply, lambda: _readings().place(self._lab, request["name"], finished)
        )

    async def _cell(self, request: Message, reply: Reply, hung_up: threading.Event) -> Any:  # noqa: ANN401
        """Where a person's command is to run, which is made ready for it."""
        return await self._control.cell(await self._place(request, reply, hung_up))

    async def _said(self, request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """What the programs of a place have said last: never waits for the writer."""
        return await asyncio.to_thread(self._lab.said, request["place"], int(request["lines"]))

    async def _components(self, _request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        return self._control.components()

    async def _switch(self, request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """A component is stopped or started: where that changed something."""
        return await self._control.switch(request["name"], request["on"], running=request["running"])

    async def _impair(self, request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """A device is impaired: how, and by what."""
        return await self._control.impair(request["where"], request["given"])

    async def _unimpair(self, request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """What was set on a device, or on all, is taken away: where there was something."""
        return await self._control.unimpair(request["where"])

    async def _impaired(self, _request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        return self._control.impaired_links()

    async def _calicoctl(self, request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """What calicoctl says on a node: never waits for the writer."""
        return await self._control.calicoctl(request["typed"], request["on"])

    async def _intents(self, request: Message, reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        return await self._in_writer("a reading", reply, lambda: _readings().intents(self._lab, request["rules"]))

    async def _api(self, request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """One reading of the API: its answer as code and JSON."""
        return await _editing().ask(self._control, request["path"], request.get("query", {}), request["accept"])

    async def _watch(self, request: Message, reply: Reply, hung_up: threading.Event) -> Any:  # noqa: ANN401
        """What changes of a reading of the API, until the asker hangs up."""
        await _editing().watch(self._control, request, reply, hung_up.is_set)
        return {}

    async def _apply(self, request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        return await _editing().apply(self._control, request["text"], request["file"])

    async def _delete(self, request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        return await _editing().delete(self._control, request["text"], request["file"])

    async def _settled(self, _request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        await self._control.settled()
        return {}

    async def _events(self, request: Message, reply: Reply, hung_up: threading.Event) -> Any:  # noqa: ANN401
        """What happened so far; with `follow` also what happens from now on, until the asker hangs up."""
        for entry in self._control.chronicle.entries():
            reply({"event": "happened", "entry": entry.to_json()})
        if request.get("follow"):
            deaf = self._control.chronicle.listen(lambda entry: reply({"event": "happened", "entry": entry.to_json()}))
            try:
                while not hung_up.is_set():
                    await asyncio.sleep(HUNG_UP_SECONDS)
            finally:
                deaf()
        return {}

    async def _down(self, request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        self._because(f"`down` ended it (process {request.get('pid', '?')})")
        return {}


def _readings() -> ModuleType:
    from lab.agent.tell import readings  # noqa: PLC0415  40 ms that no `up` should wait for

    return readings


def _editing() -> ModuleType:
    from lab.agent.tell import kube_commands  # noqa: PLC0415  as above

    return kube_commands
