"""Ends: SIGKILL of any process at any moment of any command, and commands that are started at once and crosswise."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from contextlib import suppress

from bench.attack.answers import Answer, ended
from bench.attack.belongings import processes
from bench.attack.kinds.attempt import Kind, Tried
from bench.attack.scene import TOPOLOGY, Scene
from bench.attack.tally import DONE

POD = """
apiVersion: v1
kind: Pod
metadata: {name: late}
spec: {nodeName: node-0, containers: [{name: late, image: built-in}]}
"""
TRACE = ("trace", "--from", "pod-0", "--to", "myapp")
LONGEST = {  # seconds in which the moment of a kill lies: as long as the command takes
    ("up", "--topology", TOPOLOGY): 0.9,
    ("up", "--topology", "minimal"): 0.9,
    ("down",): 0.25,
    TRACE: 0.3,
    (*TRACE, "--follow"): 0.5,
    ("capture", "node-0"): 0.4,
    ("events", "--follow"): 0.3,
    ("get", "pods", "--watch"): 0.3,
    ("apply", "--file", "{pod}"): 0.4,
    ("delete", "--file", "{pod}"): 0.4,
    ("inspect",): 0.2,
}
CROSSED: tuple[tuple[str, ...], ...] = (
    ("up", "--topology", TOPOLOGY),
    ("up", "--topology", "minimal"),
    ("down",),
    ("apply", "--file", "{pod}"),
    ("delete", "--file", "{pod}"),
    ("get", "pods"),
    ("inspect",),
    ("graph",),
    ("events",),
    TRACE,
)


def _words(scene: Scene, words: tuple[str, ...]) -> tuple[str, ...]:
    pod = scene.folder / "pod.yaml"
    pod.write_text(POD, encoding="utf-8")
    return tuple(word.format(pod=pod) for word in words if word != "--to" or "--follow" not in words)


def _begin(scene: Scene, words: tuple[str, ...]) -> subprocess.Popen[bytes]:
    if "--follow" in words and words[0] == "trace":
        words = ("trace", "--from", "pod-0", "--follow")
    return scene.begin(*_words(scene, words))


def try_kill(scene: Scene, chance: random.Random) -> Tried:
    """Whoever is killed, the command ends, and what is left is a whole lab or none."""
    words = chance.choice(tuple(LONGEST))
    if words[0] == "up" and chance.random() < 0.6:
        scene.command("down")  # a first `up` has more moments than a second one
    process = _begin(scene, words)
    moment = chance.random() * LONGEST[words]
    with suppress(subprocess.TimeoutExpired):
        process.wait(moment)
    found = processes(scene.name)
    agents = [pid for pid, line in found.items() if "lab.agent" in line]
    victim = chance.choice([process.pid] * 3 + agents * 3 + [*found])
    what = f"{' '.join(words)}: {found.get(victim, 'itself')[:80]} after {moment:.3f} s"
    with suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    goes_on = "--follow" in words or "--watch" in words or words[0] == "capture"
    if goes_on and victim != process.pid:
        with suppress(subprocess.TimeoutExpired):
            process.wait(1.0)
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
    answer = ended(process)
    if answer.status in (-signal.SIGKILL, -signal.SIGINT):  # the latter as it was ending already
        return DONE, what
    return (DONE if _is_fair(answer) else answer.outcome), what


def _is_fair(answer: Answer) -> bool:
    """A request may have been lost by what was killed; that it is said clearly is what counts."""
    return answer.status in (0, 1, 2, 3, 130) and "Traceback" not in answer.err and "internal error" not in answer.err


def try_crosswise(scene: Scene, chance: random.Random) -> Tried:
    """Two to six at the same moment."""
    chosen = [chance.choice(CROSSED) for _ in range(chance.randint(2, 6))]
    begun = [_begin(scene, words) for words in chosen]
    answers = [ended(process) for process in begun]
    wrong = [answer.outcome for answer in answers if not _is_fair(answer)]
    return (wrong[0] if wrong else DONE), " | ".join(" ".join(words) for words in chosen)


KILLS = Kind("SIGKILL at any moment", try_kill, part=10, checked=1, quiet=False)
CROSSWISE = Kind("started crosswise", try_crosswise, part=3, checked=1, quiet=False)
