"""The controllers' work: what a change in the store asks for, done in order, and anew after a while when it fails."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

from lab.api.resources import BY_KIND, EVENTS, RESOURCES
from lab.api.store import Change, Json, Store
from lab.control.controllers import Controller, Key
from lab.control.events import Recorder
from lab.control.pieces import Pieces, at_once
from lab.errors import LabError

AT_REST = 200
"""So often may one controller look at one key before all is at rest; more is a loop."""

FIRST_WAIT, LONGEST_WAIT = 0.1, 60.0
"""Seconds until a failed piece of work is tried again; they double with each failure."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A controller could not do its work about a key `times` times in a row. `again_in` is in seconds."""

    controller: str
    key: Key
    error: str
    times: int
    again_in: float


def failure_told(failure: Failure) -> str:
    """In a line for people."""
    times = "once" if failure.times == 1 else f"{failure.times} times"
    return f"controller {failure.controller} failed about {'/'.join(failure.key)} {times}: {failure.error}"


Work = tuple[str, Key]


class Runner:
    """Hears of every change in the store, those that made what it holds already included."""

    def __init__(self, store: Store, controllers: Sequence[Controller], recorder: Recorder) -> None:
        self._store = store
        self._controllers = {controller.name: controller for controller in controllers}
        self._recorder = recorder
        self._queue: deque[Work] = deque()
        self._queued: set[Work] = set()
        self._later: dict[Work, float] = {}
        self._failures: dict[Work, Failure] = {}
        self._now = 0.0
        self.stopped = False  # then work only heaps up
        for resource in RESOURCES:
            for item in tuple(store.each(resource)):
                self._hear(Change("ADDED", resource, item, None, store.revision))
        self.stop = store.listen(self._hear)

    @property
    def failures(self) -> list[Failure]:
        """What could not be done and waits for its next try."""
        return list(self._failures.values())

    def ask(self, controller: str, keys: Sequence[Key]) -> None:
        """Have a controller look at these keys although nothing changed."""
        for key in keys:
            self._add((controller, key))

    def settle(self, now: float, limit: int = AT_REST) -> None:
        """Work until nothing is left. `now` is in seconds of any steady clock.

        LabError when a controller looks at one key more than `limit` times: that key then counts as failed.
        """
        at_once(self.settling(now, limit))

    def settling(self, now: float, limit: int = AT_REST) -> Pieces[None]:
        """`settle` in pieces."""
        self._now = now
        looks: Counter[Work] = Counter()
        while self._queue and not self.stopped:
            work = self._queue.popleft()
            self._queued.discard(work)
            looks[work] += 1
            name, key = work
            if looks[work] > limit:
                problem = f"the controller {name} does not come to rest about {'/'.join(key)}"
                self._fail(work, problem)
                raise LabError(problem, "this is a defect of Hoplab's: please report it with these words")
            self._do(work)
            yield

    def retry(self, now: float) -> int:
        """Put what has waited long enough into the queue. Gives how much that is."""
        self._now = max(now, self._now)
        due = [work for work, when in self._later.items() if when <= now]
        for work in due:
            del self._later[work]
            self._add(work)
        return len(due)

    def due(self, now: float) -> float | None:
        """Seconds until the next piece of work that waits, 0 for at once; None when none does, or nobody works."""
        if self.stopped:
            return None
        if self._queue:
            return 0.0
        return max(0.0, min(self._later.values()) - now) if self._later else None

    def _hear(self, change: Change) -> None:
        for name, controller in self._controllers.items():
            try:
                for key in controller.keys(change):
                    self._add((name, key))
            except Exception as error:  # one controller's defect must not keep the others from hearing of it
                resource = change.resource
                self._fail((name, (resource.api_version, resource.kind, *change.key)), _told(error), again=False)

    def _add(self, work: Work) -> None:
        if work not in self._queued:
            self._queued.add(work)
            self._queue.append(work)

    def _do(self, work: Work) -> None:
        name, key = work
        try:
            again_in = self._controllers[name].reconcile(key)
        except Exception as error:  # whatever it is: it is told, and the others go on
            self._fail(work, _told(error))
            return
        self._failures.pop(work, None)
        self._later.pop(work, None)
        if again_in is not None:
            self._later[work] = self._now + again_in

    def _fail(self, work: Work, error: str, *, again: bool = True) -> None:
        before = self._failures.get(work)
        times = before.times + 1 if before else 1
        again_in = min(FIRST_WAIT * 2 ** min(times - 1, 20), LONGEST_WAIT)
        name, key = work
        self._failures[work] = Failure(name, key, error, times, again_in)
        if again:
            self._later[work] = self._now + again_in
        subject = self._subject(name, key)
        if subject is not None and subject["kind"] != EVENTS.kind:  # an Event about an Event would never end
            self._recorder.record(subject, "Warning", "ControllerFailed", f"{name}: {error}", f"{name}-controller")

    def _subject(self, name: str, key: Key) -> Json | None:
        """The object that the key names, if it is there."""
        resource = self._controllers[name].resource
        if len(key) == 4:
            resource, key = BY_KIND.get((key[0], key[1])), key[2:]
        return self._store.find(resource, *key) if resource and len(key) == 2 else None


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
