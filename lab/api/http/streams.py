"""What a client asks of a running pod: its log, a program in it. The agent serves these; here they are understood."""

from __future__ import annotations

from typing import Any

from lab.api.errors import bad_request
from lab.api.http.requests import ExecRequest, LogRequest, Request
from lab.api.paging import count
from lab.api.schema.decoding import is_time
from lab.api.watching import flag

Json = dict[str, Any]

STREAMS = ("log", "exec", "attach", "portforward")

NOT_SERVED = {
    # Its data travels in SPDY frames, inside WebSockets too.
    "portforward": "port-forward is not served: ask the pod or its Service from a place of the lab, with exec",
    "attach": "attach is not served: exec runs a program beside the pod's own, and logs -f shows what that one says",
}
"""Streams that there are none of, and what does instead."""

_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_DEFAULT = "kubectl.kubernetes.io/default-container"
_ENDED = ("Succeeded", "Failed")


def log(pod: Json, request: Request) -> LogRequest:
    """ApiError 400."""
    query = request.parameters
    if "sinceSeconds" in query and "sinceTime" in query:
        raise bad_request("at most one of `sinceTime` or `sinceSeconds` may be specified")
    container = _container(pod, query.get("container", ""))
    previous = flag(query, "previous")
    _require_log(pod, container, previous)
    return LogRequest(
        pod,
        container,
        follow=flag(query, "follow"),
        timestamps=flag(query, "timestamps"),
        previous=previous,
        tail=count(query, "tailLines"),
        limit=count(query, "limitBytes"),
        since=_time(query.get("sinceTime", "")) or count(query, "sinceSeconds"),
    )


def _time(text: str) -> str:
    if text and not is_time(text):
        raise bad_request(f'sinceTime: Invalid value: "{text}": must be a time as RFC 3339 has it')
    return text


def _require_log(pod: Json, container: str, previous: bool) -> None:
    """ApiError 400 where nothing can have been written: the container has not been started, or not a second time."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {name} does not have a host assigned")
    statuses = status.get("containerStatuses") or ()
    own: Json = next((one for one in statuses if one.get("name") == container), {})
    named = f'container "{container}" in pod "{name}"'
    if previous and not (own.get("lastState") or {}).get("terminated"):
        raise bad_request(f"previous terminated {named} not found")
    waiting = (own.get("state") or {"waiting": {}}).get("waiting")
    has_ended = not own and status.get("phase") in _ENDED  # evicted: nothing is told of its containers
    if waiting is not None and not has_ended and not previous and not own.get("restartCount"):
        raise bad_request(f"{named} is waiting to start: {waiting.get('reason') or 'ContainerCreating'}")


def execution(pod: Json, request: Request) -> ExecRequest:
    """A program over a WebSocket. ApiError 400 for what is asked in another way (SPDY), or cannot be."""
    query = request.parameters
    name = pod["metadata"]["name"]
    phase = (pod.get("status") or {}).get("phase", "")
    if phase in _ENDED:
        raise bad_request(f"cannot exec into a container in a completed pod; current phase is {phase}")
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {name} does not have a host assigned")
    command = tuple(request.query.get("command", ()))
    if not command:
        raise bad_request("you must specify at least 1 command for the container")
    if any("\0" in word for word in command):
        raise bad_request("no word of a command can have a zero byte")
    container = _container(pod, query.get("container", ""))
    return ExecRequest(
        pod,
        container,
        command,
        _protocol(request),  # last: kubectl tries SPDY when it is refused, and shows that refusal
        stdin=flag(query, "stdin"),
        stdout=flag(query, "stdout"),
        stderr=flag(query, "stderr"),
        tty=flag(query, "tty"),
    )


def _protocol(request: Request) -> str:
    upgrade = request.headers.get("upgrade", "").lower()
    if not upgrade:
        raise bad_request("Upgrade request required")
    if upgrade != "websocket":
        told = f"exec is served over WebSockets only, and this client speaks {upgrade.upper()}"
        raise bad_request(f"{told}: take kubectl 1.30 or later, or the lab's own exec")
    offered = [one.strip() for one in request.headers.get("sec-websocket-protocol", "").split(",")]
    for protocol in _PROTOCOLS:
        if protocol in offered:
            return protocol
    raise bad_request(f"exec is served with the WebSocket subprotocols {', '.join(_PROTOCOLS)}")


def _container(pod: Json, asked: str) -> str:
    """The container that is meant: the one asked for, the pod's default, its only one. ApiError 400."""
    name, spec = pod["metadata"]["name"], pod["spec"]
    own = [one["name"] for one in spec.get("containers") or ()]
    if asked:
        initial = [one["name"] for one in spec.get("initContainers") or ()]
        if asked not in own + initial:
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    usual = (pod["metadata"].get("annotations") or {}).get(_DEFAULT)
    if usual in own:
        return str(usual)
    if len(own) != 1:
        told = f"a container name must be specified for pod {name}, choose one of: [{' '.join(own)}]"
        raise bad_request(told)
    return str(own[0])
