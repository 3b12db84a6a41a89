"""Broken topologies and manifests, given to the agent as `up --plan` and `apply` give them."""

from __future__ import annotations

import random
from typing import Any

from bench.attack.answers import NEVER
from bench.attack.damage import a_file, manifest, topology
from bench.attack.kinds.attempt import Kind, Tried
from bench.attack.scene import Scene
from bench.attack.tally import DONE, REFUSED
from lab.agent.client import calls
from lab.errors import HoplabError

BY_HAND = 0.03  # so many of them are typed as a command, from a file


def try_topology(scene: Scene, chance: random.Random) -> Tried:
    """Nothing is built of it: a plan."""
    text = topology(chance)
    if chance.random() < BY_HAND:
        return scene.command("up", "--plan", "--topology", a_file(scene.folder, text, chance)).outcome, repr(text)
    return _told(scene, "plan", text, {"settings": []}), repr(text)


def try_manifest(scene: Scene, chance: random.Random) -> Tried:
    """What of it is right is applied."""
    text = manifest(chance)
    if chance.random() < BY_HAND:
        return scene.command("apply", "--file", a_file(scene.folder, text, chance)).outcome, repr(text)
    return _told(scene, "apply", text, {}), repr(text)


def _told(scene: Scene, operation: str, text: str, more: dict[str, Any]) -> str:
    try:
        with calls.connect(scene.name) as connected:
            told = connected.request(operation, text=text, file="attack.yaml", **more)
    except HoplabError as error:
        words = str(error)
        return next((words for one in NEVER if one in words), REFUSED)
    return REFUSED if any(one.get("failed") for one in told if isinstance(one, dict)) else DONE


TOPOLOGIES = Kind("broken topologies", try_topology)
MANIFESTS = Kind("broken manifests", try_manifest)
