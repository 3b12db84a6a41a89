"""Commands run in a pod for somebody who is connected.

node 10.9.0.1 ── 10.9.0.2 ns/pod
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from lab.agent.kubelet.children import Children
from lab.agent.kubelet.executing import STDERR, STDOUT, Execution
from tests.integration.sandboxed import on_a_loop, wired

POD = "ns/pod"


@asynccontextmanager
async def running(script: str, *, stdin: bool = False, terminal: bool = False) -> AsyncIterator[Execution]:
    wired("node", POD)
    children = Children()
    async with Execution(children, POD, ("sh", "-c", script), stdin=stdin, terminal=terminal) as execution:
        yield execution
    async with asyncio.timeout(20):
        while children.pids:
            await asyncio.sleep(0.01)


async def heard(execution: Execution) -> dict[int, bytes]:
    """All that it says, by channel."""
    said = {STDOUT: b"", STDERR: b""}
    async with asyncio.timeout(20):
        async for channel, data in execution:
            said[channel] += data
    return said


async def hear_until(execution: Execution, words: bytes) -> None:
    said = b""
    async with asyncio.timeout(20):
        async for _, data in execution:
            said += data
            if words in said:
                return
    raise AssertionError(f"{words!r} was never said: {said!r}")


@on_a_loop
async def test_both_streams_and_the_status() -> None:
    async with running("ip -o -4 address show eth0; hostname; echo >&2 wrong; exit 3") as execution:
        said = await heard(execution)
        assert b"10.9.0.2" in said[STDOUT], "it runs in the pod"
        assert said[STDERR] == b"wrong\n"
        assert await execution.wait() == 3


@on_a_loop
async def test_a_signal_is_told_as_a_shell_tells_it() -> None:
    async with running("kill -9 $$") as execution:
        assert await execution.wait() == 137


@on_a_loop
async def test_what_is_written_is_read_however_much_it_is() -> None:
    async with running("wc -c", stdin=True) as execution:
        await execution.stdin.write(b"x" * 1_000_000)
        await execution.stdin.close()
        assert (await heard(execution))[STDOUT].strip() == b"1000000"


@on_a_loop
async def test_without_an_input_there_is_nothing_to_read() -> None:
    async with running("cat; echo done") as execution:
        await execution.stdin.write(b"lost")
        assert (await heard(execution))[STDOUT] == b"done\n"


@on_a_loop
async def test_who_reads_no_more_does_not_hold_the_writer_up() -> None:
    async with running("exec 0<&-; echo closed; sleep 1000", stdin=True) as execution:
        await hear_until(execution, b"closed")
        async with asyncio.timeout(20):
            await execution.stdin.write(b"x" * 1_000_000)


@on_a_loop
async def test_much_output_is_all_told() -> None:
    async with running("head -c 3000000 /dev/zero") as execution:
        assert len((await heard(execution))[STDOUT]) == 3_000_000
        assert await execution.wait() == 0


@on_a_loop
async def test_what_it_leaves_running_is_not_waited_for() -> None:
    async with running("sleep 1000 & echo left") as execution:
        assert (await heard(execution))[STDOUT] == b"left\n"
        assert await execution.wait() == 0


@on_a_loop
async def test_who_hangs_up_ends_it_and_what_it_has_started() -> None:
    async with running("sleep 54321 & echo begun; wait; exit 54321") as execution:
        await hear_until(execution, b"begun")
        async with asyncio.timeout(20):
            while not any(words.startswith(b"sleep\0") for words in every_command()):
                await asyncio.sleep(0.01)
    async with asyncio.timeout(20):
        while any(b"54321" in words for words in every_command()):
            await asyncio.sleep(0.01)


def every_command() -> list[bytes]:
    """The words of all that lives in this sandbox; a zombie has none."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            found.append(path.read_bytes())
    return found


@on_a_loop
async def test_a_terminal_of_a_size_that_changes() -> None:
    script = "tty >/dev/null && stty size; trap 'stty size; exit 5' WINCH; echo ready; while :; do sleep 0.01; done"
    async with running(script, terminal=True) as execution:
        execution.resize(120, 40)
        await hear_until(execution, b"ready")
        execution.resize(100, 30)
        said = (await heard(execution))[STDOUT]
        assert b"30 100\r\n" in said
        assert await execution.wait() == 5


@on_a_loop
async def test_ctrl_c_on_the_terminal_reaches_the_program() -> None:
    async with running("exec cat", terminal=True) as execution:
        await execution.stdin.write(b"hello\n")
        await hear_until(execution, b"hello\r\nhello")
        await execution.stdin.write(b"\x03")
        await heard(execution)
        assert await execution.wait() == 130


@on_a_loop
async def test_a_broken_pipe_ends_a_program_as_it_does_elsewhere() -> None:
    async with running("yes | head -1") as execution:
        assert await heard(execution) == {STDOUT: b"y\n", STDERR: b""}


@on_a_loop
async def test_a_program_begins_with_every_signal_as_it_is_used_to() -> None:
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(ignored, signal.SIG_IGN)
    async with running("grep -E 'Sig(Ign|Blk)' /proc/self/status") as execution:
        lines = (await heard(execution))[STDOUT].split(b"\n")[:2]
        assert [int(line.split()[1], 16) for line in lines] == [0, 0], lines


@on_a_loop
async def test_the_end_of_a_terminals_input() -> None:
    async with running("cat; echo over", terminal=True) as execution:
        await execution.stdin.write(b"hello\n")
        await execution.stdin.close()
        assert (await heard(execution))[STDOUT].count(b"hello") == 2, "echoed by the terminal, and said by cat"
        assert await execution.wait() == 0


@on_a_loop
async def test_no_descriptor_is_left_open() -> None:
    wired("node", POD)
    children = Children()
    for terminal in (False, True):
        await once(children, terminal)
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(5):
            await once(children, terminal)
        assert len(list(Path("/proc/self/fd").iterdir())) == before


async def once(children: Children, terminal: bool) -> None:
    async with Execution(children, POD, ("true",), stdin=True, terminal=terminal) as execution:
        await heard(execution)
        assert await execution.wait() == 0


@on_a_loop
async def test_a_program_that_is_not_there() -> None:
    wired("node", POD)
    async with Execution(Children(), POD, ("no-such-program",)) as execution:
        assert (await heard(execution))[STDERR] == b"hoplab: no-such-program: not found on this machine\n"
        assert await execution.wait() == 127
