"""What the lab's own commands do with the cluster's objects: `get` asks, `apply` and `delete` change them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lab.agent.protocol import Message
from lab.api.errors import ApiError
from lab.api.requests import Request, Response, Watching
from lab.api.resources import PODS
from lab.cluster.unobeyed import pod_of, unobeyed
from lab.control import podstatus
from lab.control.manifests import Wanted, wanted_of
from lab.errors import FileError, LabError, UsageError
from lab.topology import load_manifests

if TYPE_CHECKING:
    from lab.agent.control import Control

POLL_SECONDS = 0.01
WATCH_SECONDS = 0.05  # how late a change may be told
GONE_SECONDS = 35.0  # a pod's own time to end is 30


def ask(control: Control, path: str, query: dict[str, str], accept: str) -> Message:
    """What the API answers to a reading, as code and JSON."""
    asked = Request("GET", path, {name: [value] for name, value in query.items()}, {"accept": accept})
    answer = control.api.handle(asked)
    if not isinstance(answer, Response):
        raise UsageError(f"{path} is no single answer", "./inv get --watch follows it")
    return {"code": answer.code, "object": answer.json()}


async def watch(
    control: Control, request: Message, tell: Callable[[Message], None], is_over: Callable[[], bool]
) -> None:
    """Tell what changes of what was read, one object a change, until it is over or the API ends it."""
    query = {name: [value] for name, value in request["query"].items()}
    asked = Request("GET", request["path"], query, {"accept": request["accept"]})
    answer = control.api.handle(asked)
    if not isinstance(answer, Watching):
        told = answer.json()["message"] if isinstance(answer, Response) else "no answer goes on for ever"
        raise UsageError(f"{request['path']} cannot be watched: {told}", "./inv get --help")
    try:
        while not is_over() and not answer.ended:
            while (event := answer.watch.next()) is not None:
                tell({"event": "change", "change": {"type": event.type, "object": answer.render(event)}})
            await asyncio.sleep(WATCH_SECONDS)
    finally:
        answer.close()


async def apply(control: Control, text: str, file: str, warn: Callable[[str], None]) -> list[list[str]]:
    """Manifests into the running lab, as `kubectl apply` does it. Gives kind/name and what was done for each, once the
    kernel has followed; `warn` hears what of them is not obeyed here. FileError and nothing done for what cannot be
    right.
    """
    done = []
    async with control.turn:
        _require_standing(control)
        for one in _judged(text, file):
            done.append([_spoken(one), _put(control, one)])
            for told in _unobeyed(one):
                warn(told)
    await control.settled()
    await control.until_probed()
    return done


async def delete(control: Control, text: str, file: str) -> list[list[str]]:
    """The objects of these manifests out of the running lab, once all of them have ended; what is not there is passed
    over.
    """
    done = []
    async with control.turn:
        _require_standing(control)
        for one in reversed(_judged(text, file)):
            there = control.plane.store.find(one.resource, *one.key) is not None
            if there:
                control.plane.registry.delete(one.resource, *one.key)
            done.append([_spoken(one), "deleted" if there else "not found"])
    await _until_gone(control)
    return done


def _judged(text: str, file: str) -> list[Wanted]:
    try:
        return wanted_of(load_manifests(text, file))
    except FileError as error:
        raise FileError(error.mistakes, "nothing was changed") from None


def _put(control: Control, one: Wanted) -> str:
    try:
        return control.plane.put(one)
    except ApiError as error:
        assert one.source is not None
        mistake = one.source.mistake((), f"the API server refuses it: {error.message}")
        raise FileError((mistake,), "what stands before it was done, the rest was not") from None


def _unobeyed(one: Wanted) -> Iterator[str]:
    """What of the object would mean something in a cluster and does not here, with its line in the file."""
    at, pod = pod_of(one.resource.kind, one.item)
    for found in unobeyed(pod):
        assert one.source is not None
        yield one.source.warning((*at, *found.path), str(found.below(at)))


async def _until_gone(control: Control) -> None:
    """Until the pods that are being deleted have ended and the kernel has followed, but not for ever."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + GONE_SECONDS
    await control.settled()
    while any(map(podstatus.is_terminating, control.plane.store.each(PODS))) and loop.time() < deadline:
        await asyncio.sleep(POLL_SECONDS)
    await control.settled()


def _require_standing(control: Control) -> None:
    if not control.lab.stands:
        raise LabError(f"lab {control.lab.name!r} is not up yet", "wait for its `up` to end")


def _spoken(one: Wanted) -> str:
    """As kubectl names it: `service/web`, `deployment.apps/cart`."""
    group = f".{one.resource.group}" if one.resource.group else ""
    return f"{one.resource.singular}{group}/{one.key[1]}"
