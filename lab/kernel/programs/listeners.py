"""What is listened to in all places: by one process of the built-in server, or several where one may not have as many
files open.
"""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Sequence

from lab.errors import KernelError
from lab.kernel.host.limits import MOST_FILES
from lab.kernel.programs.built_in_server import BuiltInServer
from lab.kernel.sandbox.namespaces import Namespaces
from lab.network.objects import Listener


class Listeners:
    """All that is served. What is listened to in one place is one process's, which knows the place's health."""

    def __init__(self, namespaces: Namespaces, most: int = 0) -> None:
        """A process has so many sockets, unless one place has more; half of the files that it may open for 0: the
        others are for whoever connects.
        """
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._namespaces = namespaces
        self._most = most or (MOST_FILES if files == resource.RLIM_INFINITY else files) // 2
        self._servers = [BuiltInServer(namespaces)]

    @property
    def pids(self) -> frozenset[int]:
        """Of the processes that live."""
        return frozenset(server.pid for server in self._servers if server.pid)

    def read(self) -> tuple[Listener, ...]:
        """What is served now; nothing of a process that is dead."""
        return tuple(listener for server in self._servers for listener in server.read())

    def ended_places(self) -> frozenset[str]:
        """Where something should be served and the process that did is dead."""
        return frozenset(place for server in self._servers for place in server.ended_places())

    def begin(self) -> None:
        """Something is to be served in a moment."""
        self._servers[0].begin()

    def change(self, stop: Sequence[Listener], serve: Sequence[Listener]) -> None:
        """Stop some, start some. KernelError when a port is taken, once the others are served, or a server died."""
        refusal = None
        for server, stopped, begun in self._shared_out(stop, serve):
            try:
                server.change(stopped, begun)
            except KernelError as error:
                refusal = refusal or error
        if refusal is not None:
            raise refusal

    def say(self, listeners: Sequence[Listener]) -> None:
        """Have some that are served, and are the same but for their reply, say this one from now on."""
        for server, _, told in self._shared_out((), listeners):
            server.say(told)

    def restart(self, place: str) -> None:
        """End what is listened to in the pod and begin anew: other sockets, no connections, well again.

        Nothing when its process is dead: then whoever compares starts all of it. KernelError when a port is taken.
        """
        for server in self._servers:
            listeners = [listener for listener in server.read() if listener.place == place]
            if listeners:
                server.change(listeners, listeners)

    def _shared_out(
        self, stop: Sequence[Listener], serve: Sequence[Listener]
    ) -> list[tuple[BuiltInServer, list[Listener], list[Listener]]]:
        """By the process that has the place, or is to have it from now on."""
        held = [server.places for server in self._servers]
        room = [self._most - sum(places.values()) for places in held]
        homes = {place: number for number, places in enumerate(held) for place in places}
        shares: dict[int, tuple[list[Listener], list[Listener]]] = {}
        needed = Counter(listener.place for listener in serve)
        for listener in serve:
            if listener.place not in homes:
                number = next((one for one, left in enumerate(room) if left >= needed[listener.place]), len(room))
                if number == len(room):
                    self._servers.append(BuiltInServer(self._namespaces))
                    room.append(self._most)
                room[number] -= needed[listener.place]
                homes[listener.place] = number
            shares.setdefault(homes[listener.place], ([], []))[1].append(listener)
        for listener in stop:
            shares.setdefault(homes.get(listener.place, 0), ([], []))[0].append(listener)
        return [(self._servers[number], *both) for number, both in shares.items()]

    def close(self) -> None:
        """End them."""
        for server in self._servers:
            server.close()
