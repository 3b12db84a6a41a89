"""Where programs on nodes ask the lab: what is answered, who is hung up on, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest

from lab.agent.place_programs import Programs
from lab.agent.tell import in_node, nodes_asking
from lab.agent.tell.nodes_asking import LONGEST, MOST_CONNECTED, NodesAsking
from lab.errors import LabError

NAME = f"\0hoplab-test/{os.getpid()}"


class OneNamespace:
    """A lab whose only node is where we are."""

    @contextmanager
    def entered(self, place: str) -> Iterator[None]:
        if place != "node-0":
            raise KeyError(place)
        yield


async def echo(typed: Sequence[str], node: str) -> dict[str, Any]:
    if "refused" in typed:
        raise LabError("it is not up yet", "wait")
    return {"out": f"{node}: {' '.join(typed)}\n", "err": "", "status": len(typed)}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[NodesAsking], Awaitable[None]]], None]:
    """Does something with a node that listens."""
    monkeypatch.setattr(nodes_asking, "SOCKET", NAME)

    def run(act: Callable[[NodesAsking], Awaitable[None]]) -> None:
        async def all_of_it() -> None:
            asking = NodesAsking(cast(Programs, OneNamespace()), echo)
            await asking.serve("node-0")
            try:
                await act(asking)
            finally:
                asking.keep(())

        asyncio.run(all_of_it())

    return run


async def said(question: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(NAME)
    writer.write(question)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def test_words_are_answered_for_the_node_on_which_they_are_typed(asked: Any) -> None:
    async def act(_: NodesAsking) -> None:
        assert json.loads(await said(b'["get", "nodes"]\n')) == {"out": "node-0: get nodes\n", "err": "", "status": 2}
        told = json.loads(await said(b'["refused"]\n'))
        assert told == {"out": "", "err": "hoplab: error: it is not up yet\nhint: wait\n", "status": 1}

    asked(act)


@pytest.mark.parametrize(
    "question",
    [b"\n", b"{}\n", b'["a", 1]\n', b"nonsense\n", b"\xff\xfe\n", b"[" * 50_000 + b"\n", b"x" * (LONGEST * 3) + b"\n"],
    ids=["nothing", "an object", "a number", "words", "bytes", "depth", "length"],
)
def test_what_is_no_question_is_hung_up_on_and_the_next_is_answered(asked: Any, question: bytes) -> None:
    async def act(_: NodesAsking) -> None:
        assert await said(question) == b""
        assert b"node-0: version" in await said(b'["version"]\n')

    asked(act)


def test_only_so_many_may_be_connected(asked: Any) -> None:
    async def act(_asking: NodesAsking) -> None:
        idle = [await asyncio.open_unix_connection(NAME) for _ in range(MOST_CONNECTED)]
        assert await said(b'["version"]\n') == b""
        for _, writer in idle:
            writer.close()
        while not await said(b'["version"]\n'):
            pass

    asked(act)


def test_a_node_that_is_gone_is_let_go_of(asked: Any) -> None:
    async def act(asking: NodesAsking) -> None:
        await asking.serve("node-0")  # it listens already
        await asking.serve("node-9")  # there is none
        asking.keep(["node-0"])
        assert await said(b'["version"]\n')
        asking.keep(["node-1"])
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_unix_connection(NAME)

    asked(act)


def test_the_program_says_that_nobody_answers() -> None:
    """In a network namespace without a lab."""
    program = ("unshare", "--user", "--map-root-user", "--net", sys.executable, in_node.__file__, "version")
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "hoplab: error: the lab does not answer\nhint: ./inv list says whether it runs\n"
