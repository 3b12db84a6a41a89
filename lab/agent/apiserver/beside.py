"""Requests that may take long are worked on beside the loop, each in a thread; what they change is changed in it.

A thread reads objects as they are: none of them ever changes. What it makes of them is written only where nothing has
changed meanwhile that it was made from; else it is made anew, as kube-apiserver does (GuaranteedUpdate).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from lab.api.handler import Api, is_brief
from lab.api.http.requests import Answer, Request
from lab.api.registry import Registry
from lab.api.resources import IPADDRESSES, NAMESPACES, SERVICECIDRS, SERVICES, Resource
from lab.api.store import Change, Json, Store

T = TypeVar("T")

TRIES = 5
SMALL_BODY = 64 * 1024
SMALL_AT_ONCE, LARGE_AT_ONCE = 8, 2

# What an object is made from besides itself: a Service's address is one that no other has.
_MADE_FROM = {SERVICES: (NAMESPACES, SERVICES, IPADDRESSES, SERVICECIDRS)}


class _OvertakenError(Exception):
    """Something has changed since it was read: what was made of it counts for nothing."""


class Beside:
    """The API for those who must not wait for each other. Used in the loop that is given."""

    def __init__(self, registry: Registry, loop: asyncio.AbstractEventLoop) -> None:
        self._registry = registry
        self._api = Api(registry)
        self._loop = loop
        self._small = ThreadPoolExecutor(SMALL_AT_ONCE, "request")
        self._large = ThreadPoolExecutor(LARGE_AT_ONCE, "large-request")

    def authorize(self, request: Request) -> None:
        """ApiError 403 for what its user may not do."""
        self._api.authorize(request)

    async def handle(self, request: Request) -> Answer:
        """As `Api.handle`, but that others are served meanwhile."""
        if is_brief(request):
            return self._api.handle(request)
        threads = self._small if len(request.body) <= SMALL_BODY else self._large
        for _ in range(TRIES):
            seen = _Seen(self._registry.store, self._in_loop)
            api = Api(self._registry.over(seen))
            try:
                return await self._loop.run_in_executor(threads, api.handle, request)
            except _OvertakenError:
                continue
        return self._api.handle(request)  # others are quicker each time: in the loop nobody is

    def _in_loop(self, change: Callable[[], T]) -> T:
        """For a thread: done in the loop, with its result or what it raised."""
        done: Future[T] = Future()

        def do() -> None:
            try:
                done.set_result(change())
            except Exception as error:  # the thread's, whatever it is
                done.set_exception(error)

        self._loop.call_soon_threadsafe(do)
        return done.result()


class _Seen(Store):
    """The store for one request in a thread: what it reads is the store's, what it changes is changed in the loop."""

    def __init__(self, store: Store, in_loop: Callable[[Callable[[], Json]], Json]) -> None:
        # Nothing of its own: all that a Store does is done by the other one.
        self._store = store
        self._in_loop = in_loop
        self._from = store.revision

    @property
    def revision(self) -> int:
        return self._store.revision

    def now(self) -> str:
        return self._store.now()

    def find(self, resource: Resource, namespace: str, name: str) -> Json | None:
        return self._store.find(resource, namespace, name)

    def list(self, resource: Resource, namespace: str = "") -> list[Json]:
        return self._store.list(resource, namespace)

    def each(self, resource: Resource) -> Iterator[Json]:
        return iter(self._store.list(resource))

    def since(self, revision: int) -> Sequence[Change]:
        return self._store.since(revision)

    def create(self, resource: Resource, item: Json) -> Json:
        def change() -> Json:
            metadata = item["metadata"]
            self._require_unchanged(resource)
            if self._store.find(resource, metadata.get("namespace", ""), metadata["name"]) is not None:
                raise _OvertakenError
            return self._store.create(resource, item)

        return self._changed(change)

    def update(self, resource: Resource, item: Json) -> Json:
        def change() -> Json:
            metadata = item["metadata"]
            there = self._store.find(resource, metadata.get("namespace", ""), metadata["name"])
            if there is None or there["metadata"]["resourceVersion"] != metadata["resourceVersion"]:
                raise _OvertakenError
            if resource in _MADE_FROM:
                self._require_unchanged(resource)
            return self._store.update(resource, item)

        return self._changed(change)

    def remove(self, resource: Resource, namespace: str, name: str) -> Json:
        def change() -> Json:
            if self._store.find(resource, namespace, name) is None:
                raise _OvertakenError
            return self._store.remove(resource, namespace, name)

        return self._changed(change)

    def _changed(self, change: Callable[[], Json]) -> Json:
        def do() -> Json:
            made = change()
            self._from = self._store.revision
            return made

        return self._in_loop(do)

    def _require_unchanged(self, resource: Resource) -> None:
        if any(self._store.changed(one) > self._from for one in _MADE_FROM.get(resource, (NAMESPACES,))):
            raise _OvertakenError
