"""What is served of running pods over the API: their logs, and programs run in them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lab.agent.kubelet import logs
from lab.agent.kubelet.children import Children
from lab.agent.kubelet.executing import Execution
from lab.control.own_objects import SYSTEM, is_own_pod
from lab.control.pods.running import place_of
from lab.kernel.programs.processes import BUILT_IN, log_path

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from lab.api.http.requests import ExecRequest, LogRequest
    from lab.api.store import Json

STDIN, STATUS, RESIZE = 0, 3, 4  # channels of Kubernetes' remote command protocol
CLOSE = 0xFF
NORMAL_CLOSURE = 1000


class PodStreams:
    """`is_there(place)` says whether a pod is still in the cluster: so long its log may be followed."""

    def __init__(self, children: Children, is_there: Callable[[str], bool]) -> None:
        self._children = children
        self._is_there = is_there

    def log(self, request: LogRequest) -> AsyncIterator[bytes]:
        """What the pod's program has said, or the one before it, and what it goes on saying."""
        place = place_of(request.pod)
        path = log_path(place, _program(request.pod))
        wanted = logs.Wanted(request.tail, since_of(request.since), request.timestamps, request.limit)
        if request.previous:
            return logs.read(Path(f"{path}.previous"), wanted)
        return logs.read(path, wanted, lambda: request.follow and self._is_there(place))

    async def execute(self, request: ExecRequest, websocket: WebSocket) -> None:
        """Run the program; its end, or the client's, ends both."""
        place = place_of(request.pod)
        command = request.command
        try:
            running = Execution(self._children, place, command, stdin=request.stdin, terminal=request.tty)
            async with running as execution:
                listening = asyncio.ensure_future(_obey(execution, websocket))
                telling = asyncio.ensure_future(_tell(execution, websocket))
                await asyncio.wait((listening, telling), return_when=asyncio.FIRST_COMPLETED)
                if telling.done():
                    await websocket.send_bytes(bytes((STATUS,)) + _status(await execution.wait()))
                    await websocket.close(NORMAL_CLOSURE)
                for task in (listening, telling):
                    task.cancel()
                await asyncio.wait((listening, telling))
        except OSError as error:
            await websocket.send_bytes(bytes((STATUS,)) + _failure(f"cannot run {command[0]}: {error.strerror}"))
            await websocket.close(NORMAL_CLOSURE)


async def _obey(execution: Execution, websocket: WebSocket) -> None:
    """What the client sends, until it hangs up."""
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        data: bytes = message.get("bytes") or (message.get("text") or "").encode()
        if not data:
            continue
        channel, payload = data[0], data[1:]
        if channel == STDIN:
            await execution.stdin.write(payload)
        elif channel == RESIZE:
            if size := _size(payload):
                execution.resize(*size)
        elif channel == CLOSE and payload[:1] == bytes((STDIN,)):
            await execution.stdin.close()


def _size(payload: bytes) -> tuple[int, int] | None:
    """Columns and lines of the client's terminal; None for what is none."""
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    size = (told.get("Width"), told.get("Height")) if isinstance(told, dict) else ()
    columns, lines = (one if type(one) is int and 0 < one < 1 << 16 else 0 for one in size or (0, 0))
    return (columns, lines) if columns and lines else None


async def _tell(execution: Execution, websocket: WebSocket) -> None:
    async for channel, data in execution:
        await websocket.send_bytes(bytes((channel,)) + data)


def _status(code: int) -> bytes:
    """The Status that ends it, with the exit status where it is not 0."""
    if code == 0:
        return json.dumps({"metadata": {}, "status": "Success"}).encode()
    told = f"command terminated with non-zero exit code: exit status {code}"
    cause = {"reason": "ExitCode", "message": str(code)}
    body = {"metadata": {}, "status": "Failure", "message": told, "reason": "NonZeroExitCode"}
    return json.dumps({**body, "details": {"causes": [cause]}}).encode()


def _failure(message: str) -> bytes:
    body = {"metadata": {}, "status": "Failure", "message": message, "reason": "InternalError", "code": 500}
    return json.dumps(body).encode()


def _program(pod: Json) -> str:
    """The name under which the pod's log is kept: that of its program, or of the built-in server."""
    if is_own_pod(pod):
        return str(pod["metadata"]["annotations"][SYSTEM])
    return "command" if pod["spec"]["containers"][0].get("command") else BUILT_IN


def since_of(given: str | int | None) -> int:
    """In nanoseconds since 1970: from a time, or from how many seconds ago that is."""
    if given is None:
        return 0
    if isinstance(given, int):
        return time.time_ns() - given * 1_000_000_000
    return int(datetime.fromisoformat(given).timestamp() * 1e9)
