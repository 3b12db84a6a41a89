"""What the lab's own commands do with the cluster's objects: `get` asks, `apply` and `delete` change them."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING

from lab.agent.protocol import Encoded, Message
from lab.api.http.requests import Request, Response, Watching
from lab.api.resources import PODS
from lab.control.manifest_edits import applied, deleted
from lab.control.pods import podstatus
from lab.errors import FileError, LabError, UsageError
from lab.topology import Document, load_manifests

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.agent.follow.control import Control

POLL_SECONDS = 0.01
WATCH_SECONDS = 0.05  # how late a change may be told
GONE_SECONDS = 35.0  # a pod's own time to end is 30


async def ask(control: Control, path: str, query: dict[str, str], accept: str) -> Encoded:
    """What the API answers to a reading, as code and JSON."""
    asked = Request("GET", path, {name: [value] for name, value in query.items()}, {"accept": accept})
    answer = await control.served.api.handle(asked)
    if not isinstance(answer, Response):
        raise UsageError(f"{path} is no single answer", "./inv get --watch follows it")
    return Encoded(b'{"code":%d,"object":%s}' % (answer.code, answer.body.rstrip()))


async def watch(
    control: Control, request: Message, tell: Callable[[Message], None], is_over: Callable[[], bool]
) -> None:
    """Tell what changes of what was read, one object a change, until it is over or the API ends it."""
    query = {name: [value] for name, value in request["query"].items()}
    asked = Request("GET", request["path"], query, {"accept": request["accept"]})
    answer = await control.served.api.handle(asked)
    if not isinstance(answer, Watching):
        told = answer.json()["message"] if isinstance(answer, Response) else "no answer goes on for ever"
        raise UsageError(f"{request['path']} cannot be watched: {told}", "./inv get --help")
    try:
        while not is_over() and not answer.ended:
            while (event := answer.watch.next()) is not None:
                tell({"event": "change", "change": {"type": event.type, "object": answer.render(event)}})
                await control.pulse.give_way()
            await asyncio.sleep(WATCH_SECONDS)
    finally:
        answer.close()


async def apply(control: Control, text: str, file: str) -> list[Message]:
    """Manifests into the running lab, as `kubectl apply` does it. What became of each object
    (lab.control.manifest_edits), once the kernel has followed. FileError and nothing done for what cannot be read.
    """
    documents = await asyncio.to_thread(_read, text, file)
    async with control.turn:
        _require_standing(control)
        done = [one async for one in control.pulse.in_turns(applied(control.plane, documents))]
    await control.settled()
    await control.readiness.wait(control.settled)
    return [asdict(one) for one in done]


async def delete(control: Control, text: str, file: str) -> list[Message]:
    """The objects of these manifests out of the running lab, once all of them have ended; told likewise."""
    documents = await asyncio.to_thread(_read, text, file)
    async with control.turn:
        _require_standing(control)
        done = [one async for one in control.pulse.in_turns(deleted(control.plane, documents))]
    await _until_gone(control)
    return [asdict(one) for one in done]


def _read(text: str, file: str) -> tuple[Document, ...]:
    try:
        documents = load_manifests(text, file)
    except FileError as error:
        raise FileError(error.mistakes, "nothing was changed") from None
    if not documents:
        raise UsageError(f"{file} has no objects", "topologies/manifests has some")
    return documents


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
