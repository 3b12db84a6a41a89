"""Argument lines: every task, every option, values that are wrong in every way; and the same under every ulimit."""

from __future__ import annotations

import random
import signal
import subprocess

from bench.attack.answers import Answer, ended, started
from bench.attack.kinds.attempt import Kind, Tried
from bench.attack.scene import Scene
from lab.tasks import TASKS
from lab.tasks.commandline.task import Command, Option

VALUES = (
    "",
    "=",
    "é",
    "-1",
    "0",
    "1",
    "99999999999999999999",
    "abc",
    "1e3",
    "²",
    "a\nb",
    "\x1b[31m",
    "\u202e",
    "x" * 5000,
)
FILES = ("/nonexistent/x", "/tmp", "/dev/full", "/dev/null", "/dev/zero", "a-file", "../x/y", "-")  # noqa: S108  a folder
NAMES = ("pod-0", "node-0", "namespace001/pod-3", "myapp", "router", "nobody", "pods", "svc", "two-subnet", "minimal")
NEVER = ("all", "follow", "watch")  # what ends others' labs, and what ends with Ctrl-C alone
LEFT_OUT = ("shell", "demo")  # one needs a terminal, the other has its own lab
RESTS = (("true",), ("no-such-program",), ("cat", "/dev/null"), ())
SOON_SECONDS, STUBBORN_SECONDS = 4.0, 20.0
LIMITS = {
    "v": ("1000000", "410000", "200000", "100000", "50000", "25000", "15000"),
    "d": ("300000", "100000", "50000", "20000"),
    "n": ("1024", "128", "64", "32", "20"),
    "f": ("100000", "100", "1"),
    "u": ("1000", "20", "5", "1"),
    "s": ("8192", "1024", "512"),
    "t": ("600", "60"),
    "l": ("0", "8"),
    "i": ("0", "8"),
    "q": ("0",),
    "c": ("0",),
}


def line(chance: random.Random, lab: str) -> tuple[str, ...]:
    """A task of the program with words behind it."""
    task = chance.choice([one for one in TASKS.values() if one.name not in LEFT_OUT])
    words = [task.name]
    for option in task.options:
        if option.name in NEVER or option.name == "lab":
            continue
        if option.required or chance.random() < 0.35:
            words += _spelled(option, chance)
    if chance.random() < 0.1:
        words.insert(chance.randrange(1, len(words) + 1), chance.choice((*VALUES, "--nonsense", "-Z", "--", "-h")))
    if any(one.name == "lab" for one in task.options) and "--" not in words:
        words += ["--lab", lab]
    return (*words, *_rest(task, words, chance))


def _spelled(option: Option, chance: random.Random) -> list[str]:
    if option.kind == "flag":
        return [option.flag if chance.random() < 0.9 else f"{option.flag}={chance.choice(VALUES)}"]
    value = chance.choice((*(option.choices or NAMES), *NAMES, *FILES, *VALUES))
    if option.positional and chance.random() < 0.7:
        return [value]
    return [f"{option.flag}={value}"] if chance.random() < 0.4 else [option.flag, value]


def _rest(task: Command, words: list[str], chance: random.Random) -> tuple[str, ...]:
    if "--" in words or not task.rest:
        return ()
    return ("--", *chance.choice(RESTS))


def _typed(scene: Scene, words: tuple[str, ...], before: str) -> Answer:
    """In a folder where what is written harms nobody. What goes on until Ctrl-C gets it."""
    process = started(words, scene.mark, f"cd {scene.folder}{f'; {before}' if before else ''}")
    try:
        process.wait(SOON_SECONDS)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    return ended(process, STUBBORN_SECONDS)


def try_line(scene: Scene, chance: random.Random) -> Tried:
    """One line."""
    words = line(chance, scene.name)
    return _typed(scene, words, "").outcome, repr(words)


def try_limit(scene: Scene, chance: random.Random) -> Tried:
    """A line that is right, under a limit that may be too narrow for it."""
    letter = chance.choice(tuple(LIMITS))
    limit = f"ulimit -{letter} {chance.choice(LIMITS[letter])} 2>/dev/null"
    words = chance.choice(
        (
            ("list",),
            ("get", "pods", "--lab", scene.name),
            ("inspect", "--lab", scene.name),
            ("graph", "--lab", scene.name),
            ("validate", "--topology", "two-subnet"),
            ("trace", "--from", "pod-0", "--to", "myapp", "--lab", scene.name),
            ("up", "--topology", "two-subnet", "--lab", scene.name),
            ("exec", "pod-0", "--lab", scene.name, "--", "true"),
            ("events", "--lab", scene.name),
        )
    )
    return _typed(scene, words, limit).outcome, f"{limit}; {' '.join(words)}"


LINES = Kind("argument lines", try_line)
NARROW = Kind("under a ulimit", try_limit, part=10)
