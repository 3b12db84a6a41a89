"""A command and an agent that answers late, says that it is at work, says nothing, or ends.

The agent is a thread with the agent's own conversations; the times are short.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue

import pytest

from lab.agent import conversations
from lab.agent.client import calls, client, roll_call, spawn, unanswered
from lab.agent.client.client import Client
from lab.agent.client.roll_call import ask_all
from lab.agent.client.spawn import Started
from lab.agent.client.unanswered import UnansweredError
from lab.agent.conversations import Conversations, Reply
from lab.agent.presence import folder, witness
from lab.agent.protocol import EndedError, Message, encode, error_message
from lab.errors import LabError

SAID, PATIENCE = 0.2, 0.6
DOWN = EndedError("lab 'lab' has ended: `down` ended it (process 7)")


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The labs of this test, and short times."""
    (tmp_path / "hoplab").mkdir(mode=0o700)
    monkeypatch.setattr(folder, "candidates", lambda: (tmp_path / "hoplab",))
    monkeypatch.setattr(witness, "seen", tuple)
    monkeypatch.setattr(witness, "told_folder", lambda _lab: "")
    for module in (calls, client, roll_call):
        monkeypatch.setattr(module, "SAID_SECONDS", SAID)
    monkeypatch.setattr(client, "PATIENCE_SECONDS", PATIENCE)
    monkeypatch.setattr(conversations, "BEAT_SECONDS", SAID / 10)
    return tmp_path / "hoplab"


def listening(base: Path, lab: str) -> socket.socket:
    (base / lab).mkdir(mode=0o700)
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(base / lab / folder.SOCKET))
    made.listen()
    return made


@contextmanager
def agent(base: Path, lab: str = "lab", why: LabError = DOWN) -> Iterator[threading.Event]:
    """It answers `late` when the event is set, and `echo` at once; after `down` nobody else is answered."""
    release = threading.Event()
    loops: Queue[asyncio.AbstractEventLoop] = Queue()

    async def late(_request: Message, _reply: Reply, _hung_up: threading.Event) -> str:
        while not release.is_set():
            await asyncio.sleep(SAID / 100)
        return "late"

    async def echo(request: Message, reply: Reply, _hung_up: threading.Event) -> str:
        reply({"event": "heard"})
        return str(request["text"])

    async def hear(_request: Message, _reply: Reply, _hung_up: threading.Event) -> None:
        """It lives."""

    async def busy(_request: Message, _reply: Reply, _hung_up: threading.Event) -> str:
        release.wait()  # what must not be: it holds the loop
        return "busy"

    async def down(_request: Message, _reply: Reply, _hung_up: threading.Event) -> None:
        asked_to.set()

    ended, asked_to = asyncio.Event(), threading.Event()

    def end_if_asked_to() -> None:
        if asked_to.is_set():
            ended.set()

    async def live() -> None:
        made = Conversations(
            {"late": late, "echo": echo, "hear": hear, "busy": busy, "down": down}, end_if_asked_to, lambda: None
        )
        await made.listen(listening(base, lab))
        loops.put(asyncio.get_running_loop())
        await ended.wait()
        await made.farewell(why)

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    loop = loops.get()
    try:
        yield release
    finally:
        release.set()
        with suppress(RuntimeError):  # it has ended already
            loop.call_soon_threadsafe(ended.set)
        thread.join()


def connected(lab: str, said: list[str]) -> Client:
    found = calls.reach(lab, said.append)
    assert found is not None
    return found


def test_who_is_at_work_is_waited_for_without_a_word(base: Path) -> None:
    said: list[str] = []
    with agent(base) as release, connected("lab", said) as one:
        threading.Timer(SAID * 2, release.set).start()
        assert one.request("late") == "late"
    assert said == []


def test_events_come_and_signs_of_life_do_not(base: Path) -> None:
    said: list[str] = []
    heard: list[Message] = []
    with agent(base), connected("lab", said) as one:
        assert one.request("echo", heard.append, text="ä" * 1_000_000) == "ä" * 1_000_000
    assert heard == [{"event": "heard"}]


def test_who_holds_its_loop_is_told_of_and_waited_for(base: Path) -> None:
    said: list[str] = []
    with agent(base) as release, connected("lab", said) as one:
        threading.Timer(SAID * 2, release.set).start()
        assert one.request("busy") == "busy"
    assert said == [f"lab 'lab': its agent (process {os.getpid()}) has not answered for 0 s; waiting"]


def test_nobody_waits_for_ever(base: Path) -> None:
    said: list[str] = []
    with listening(base, "lab"), connected("lab", said) as one:
        with pytest.raises(UnansweredError, match=rf"process {os.getpid()}\) has not answered"):
            one.request("late")
        with pytest.raises(UnansweredError, match="has not answered"):
            one.request("echo", text="x" * (16 << 20))  # more than the connection takes
    assert len(said) == 2


def test_one_that_is_stopped_is_not_waited_for(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unanswered, "is_stopped", lambda _pid: True)
    said: list[str] = []
    refused = pytest.raises(UnansweredError, match="is stopped and does not answer")
    with listening(base, "lab"), connected("lab", said) as one, refused as told:
        one.request("late")
    assert f"kill -CONT {os.getpid()}" in told.value.hint
    assert said == []


def test_whoever_waits_is_told_why_the_lab_has_ended(base: Path) -> None:
    said: list[str] = []
    with agent(base), connected("lab", said) as waiting, connected("lab", said) as ending:
        waiting.begin("late")
        ending.request("down")
        with pytest.raises(LabError, match=r"`down` ended it \(process 7\)"):
            waiting.finish(time.monotonic() + 5.0)


def test_whoever_asks_when_the_lab_has_just_ended_is_told_as_well(base: Path) -> None:
    said: list[str] = []
    with (
        agent(base),
        connected("lab", said) as idle,
        connected("lab", said) as inside,
        connected("lab", said) as ending,
    ):
        for one in (idle, inside):
            one.request("echo", text="here")
            one.require_lab()
        ending.request("down")
        until_told(inside)
        with pytest.raises(LabError, match="`down` ended it"):
            idle.request("echo", text="too late")


def test_an_up_that_comes_before_a_down_is_ended_by_it(base: Path) -> None:
    said: list[str] = []
    with agent(base), connected("lab", said) as coming, connected("lab", said) as ending:
        coming.request("echo", text="here")
        ending.request("down")
        with pytest.raises(EndedError, match=r"`down` ended it \(process 7\)"):
            while coming.is_heard():
                """Until it is told."""


def test_an_up_that_comes_when_nobody_wants_an_old_agent_any_more_starts_another(base: Path) -> None:
    said: list[str] = []
    unwanted = LabError("lab 'lab' has ended: nobody asked for it any more")
    with agent(base, why=unwanted), connected("lab", said) as coming, connected("lab", said) as ending:
        coming.request("echo", text="here")
        ending.request("down")
        deadline = time.monotonic() + 10.0
        while coming.is_heard():
            assert time.monotonic() < deadline


@pytest.mark.parametrize("last", [encode(error_message(DOWN)), b""], ids=["told", "killed"])
def test_an_up_whose_agent_was_ended_starts_no_other(base: Path, monkeypatch: pytest.MonkeyPatch, last: bytes) -> None:
    """It listened, and is gone before it could be asked for anything."""
    begun: list[str] = []

    def start(lab: str, _confinement: object) -> Started:
        begun.append(lab)
        reading, writing = os.pipe()
        os.write(writing, last)
        os.close(writing)
        return Started(lab, os.fdopen(reading, "rb", buffering=0))

    monkeypatch.setattr(spawn, "start", start)
    with pytest.raises(EndedError, match=r"lab 'lab' has ended: (`down` ended it|its agent was killed)"):
        calls.connect_or_start("lab")
    assert begun == ["lab"]
    assert list(base.iterdir()) == []


def until_told(one: Client) -> None:
    """Until it has heard that the lab has ended, and who ended it."""
    deadline = time.monotonic() + 10.0
    while True:
        try:
            one.require_lab()
        except LabError as error:
            assert "`down` ended it" in str(error)
            return
        assert time.monotonic() < deadline


def test_many_silent_labs_take_no_longer_than_one(base: Path) -> None:
    silent = [f"silent-{number}" for number in range(8)]
    held = [listening(base, name) for name in silent]
    began = time.monotonic()
    with agent(base, "well"):
        *others, well = ask_all([*silent, "well"], "echo", text="here")
    took = time.monotonic() - began
    for one in held:
        one.close()
    assert (well.lab, well.answer) == ("well", "here")
    assert {type(one.answer) for one in others} == {UnansweredError}
    assert {one.pid for one in others} == {os.getpid()}
    assert took < SAID * len(silent), "one after the other"
