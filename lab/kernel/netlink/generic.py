"""Generic netlink as pyroute2 speaks it, for the families that it knows.

Importing this module imports pyroute2, which takes a while: only whoever needs such a family does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from pyroute2.netlink import NLM_F_REQUEST, genlmsg
from pyroute2.netlink.exceptions import NetlinkError

Attributes = Iterable[tuple[str, Any]]


class GenericSocket:
    """A socket of the network namespace in which it was made. OSError where the kernel refuses.

    `made` is pyroute2's socket of the family, `message` what it is told.
    """

    def __init__(self, made: Callable[[], Any], message: Callable[[], genlmsg]) -> None:
        self._message = message
        with _refusals():
            self._socket = made()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _request(self, command: int, attributes: Attributes, flags: int) -> list[Any]:
        """The answers to a command."""
        message = self._message()
        message["cmd"], message["version"] = command, 1
        message["attrs"] = list(attributes)
        with _refusals():
            found = self._socket.nlm_request(message, msg_type=self._socket.prid, msg_flags=NLM_F_REQUEST | flags)
            return list(found)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except NetlinkError as error:
        raise OSError(error.code, os.strerror(error.code)) from error
