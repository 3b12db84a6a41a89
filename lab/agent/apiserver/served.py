"""The API as a lab serves it: made when somebody asks, for no `up` should wait for what it imports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from lab.agent.apiserver.beside import Beside
    from lab.agent.kubelet.children import Children
    from lab.agent.pulse import Pulse
    from lab.api.authorization.tokens import Tokens
    from lab.api.registry import Registry


class Served:
    """One lab's; `places` gives those that are there."""

    def __init__(
        self,
        registry: Registry,
        children: Children,
        tokens: Tokens,
        pulse: Pulse,
        places: Callable[[], Container[str]],
    ) -> None:
        self._registry, self._children, self._tokens, self._pulse = registry, children, tokens, pulse
        self._places = places
        self._loop = asyncio.get_running_loop()

    @cached_property
    def api(self) -> Beside:
        """The API as clients ask it, imported when the first one does."""
        from lab.agent.apiserver.beside import Beside  # noqa: PLC0415  40 ms that no `up` should wait for

        return Beside(self._registry, self._loop)

    def app(self, token: str) -> ASGIApp:
        """What the API server serves; its owner has that token."""
        from lab.agent.apiserver.app import make_app  # noqa: PLC0415  80 ms, as above
        from lab.agent.apiserver.authentication import Authentication  # noqa: PLC0415
        from lab.agent.apiserver.streams import PodStreams  # noqa: PLC0415

        return make_app(
            self.api,
            PodStreams(self._children, lambda place: place in self._places()),
            Authentication(token, self._tokens.user_of),
            self._pulse,
        )
