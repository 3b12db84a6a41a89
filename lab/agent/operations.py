"""What commands may ask of the agent: one operation each, by its name (docs/architecture.md lists them)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lab import spans
from lab.agent.client.attachments import NeededError
from lab.agent.conversations import Operation, Reply
from lab.agent.follow.breaking.timing import Timing
from lab.agent.protocol import Message
from lab.agent.tell.kept_map import KeptMap
from lab.errors import UsageError
from lab.kernel.sandbox.confinement import Confinement

if TYPE_CHECKING:
    from lab.agent.follow.control import Control
    from lab.agent.follow.writer import Writer
    from lab.agent.pulse import Pulse

HUNG_UP_SECONDS = 0.2  # so soon is it noticed that nobody listens any more


class Operations:
    """Those of one lab. `begun` are the phases of the agent's start; `because` is told why it ends."""

    def __init__(
        self,
        control: Control,
        writer: Writer,
        pulse: Pulse,
        begun: Sequence[spans.Span],
        because: Callable[[str], None],
    ) -> None:
        self._control = control
        self._lab = control.lab
        self._writer = writer
        self._pulse = pulse
        self._begun = begun
        self._because = because
        self._map = KeptMap()
        self.by_name: dict[str, Operation] = {
            "hear": self._hear,
            "up": self._up,
            "plan": self._plan,
            "api": self._api,
            "watch": self._watch,
            "apply": self._apply,
            "delete": self._delete,
            "settled": self._settled,
            "events": self._events,
            "whole": self._whole,
            "read": self._read,
            "inject": self._inject,
            "draw_faults": self._draw_faults,
            "clear_faults": self._clear_faults,
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
                result = await self._control.file.up(*asked, leftovers=bool(request.get("leftovers")))
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
            return await self._control.file.plan(request["text"], request["file"], settings, beside)
        except NeededError as needed:
            return needed.told()

    async def _read(self, request: Message, reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """What commands show: answered from the design, waiting for a writer at work so that it is the whole truth;
        but for what `list` asks of every lab, which waits for nobody.
        """
        what, lab, control, pulse = request["what"], self._lab, self._control, self._pulse
        at_once: dict[str, Callable[[], Any]] = {
            "troubles": control.troubles,
            "faults": control.faults.told,
            "pulse": pulse.to_json,
            "status": lambda: _readings().status(lab),
        }
        if what in at_once:
            return at_once[what]()
        unready = control.unready() if what == "map" else {}
        stopped, visible = control.stops.all, control.faults.visible
        whole: dict[str, Callable[[], Any]] = {
            "map": lambda: _readings().told_map(lab, self._map, unready, stopped),
            "drift": lambda: _readings().drift(lab, visible),
            "expectations": lambda: _readings().expectations(lab),
        }
        return await self._in_writer("a reading", reply, whole[what])

    async def _whole(self, _request: Message, reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """The parts of a file that gives the lab back."""
        from lab.agent.tell import whole  # noqa: PLC0415  few ask for it

        async with self._control.turn:
            it = whole.Whole.of(self._control)
            return await self._in_writer("a reading", reply, lambda: whole.told(self._lab, it))

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
        return await asyncio.to_thread(self._lab.programs.said, request["place"], int(request["lines"]))

    async def _components(self, _request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        return self._control.components()

    async def _switch(self, request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """A component is stopped or started: where that changed something."""
        return await self._control.switch(request["name"], request["on"], running=request["running"])

    async def _impair(self, request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """A device is impaired: how, and by what."""
        return await self._control.links.impair(request["where"], request["given"])

    async def _unimpair(self, request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """What was set on a device, or on all, is taken away: where there was something."""
        return await self._control.links.unimpair(request["where"])

    async def _impaired(self, _request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        return self._control.links.impaired()

    async def _inject(self, request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """A fault is put in: what `read` of `faults` tells of it."""
        timing, hidden = _timing(request), bool(request["hidden"])
        return await self._control.faults.inject(
            request["name"], request["on"], request["given"], timing, hidden=hidden
        )

    async def _draw_faults(self, request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """So many that chance names: the seed, and what they are unless they are hidden."""
        timing, hidden = _timing(request), bool(request["hidden"])
        return await self._control.faults.draw(request["number"], request["seed"], timing, hidden=hidden)

    async def _clear_faults(self, request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """Faults are taken out: where there were some."""
        return await self._control.faults.clear(request["name"], request["on"])

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


def _timing(request: Message) -> Timing:
    given = request["timing"]
    return Timing(*(float(given[name]) for name in ("after", "lasting", "flapping")))


def _readings() -> ModuleType:
    from lab.agent.tell import readings  # noqa: PLC0415  40 ms that no `up` should wait for

    return readings


def _editing() -> ModuleType:
    from lab.agent.tell import kube_commands  # noqa: PLC0415  as above

    return kube_commands
