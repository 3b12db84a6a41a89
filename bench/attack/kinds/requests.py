"""API requests and patches, of every kind that is served, by its schema: spoiled, cut off, or no JSON at all."""

from __future__ import annotations

import http.client
import json
import random
from urllib.parse import quote

from bench.attack.damage import Json, body, path_of, places, sample, spoiled, text, value
from bench.attack.kinds.attempt import Kind, Tried
from bench.attack.scene import Scene
from bench.attack.tally import DONE, REFUSED
from lab.api.discovery.groups import prefix
from lab.api.resources import RESOURCES, Resource

METHODS = ("GET", "POST", "POST", "POST", "PUT", "PUT", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
TYPES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "text/plain", "")
PATCHES = ("json-patch+json", "merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml")
QUERIES = ("labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "fieldManager", "force", "dryRun")
OPERATIONS = ("add", "remove", "replace", "move", "copy", "test", "nonsense")


def try_request(scene: Scene, chance: random.Random) -> Tried:
    """One request, most often a spoiled object that is posted or put."""
    kind = chance.choice(RESOURCES)
    item = _one(scene, kind, chance)
    method = chance.choice(METHODS)
    base = path_of(kind, item["metadata"].get("namespace") or "default")
    named = f"/{item['metadata']['name']}"
    meant = "" if method == "POST" else named
    path = base + chance.choice((meant, meant, meant, "", named, "/nobody", f"/{quote(text(chance, 9))}"))
    path += chance.choice(("", "", "", "", "", "", "/status", "/scale", "/log", "/eviction", "/nonsense"))
    if chance.random() < 0.3:
        path += f"?{chance.choice(QUERIES)}={quote(chance.choice((text(chance, 9), 'true', '1', 'a=b', 'All')))}"
    sent = body(spoiled(item, chance) if chance.random() < 0.8 else item, chance)
    return _sent(scene, method, path, sent, TYPES[0] if chance.random() < 0.9 else chance.choice(TYPES))


def try_patch(scene: Scene, chance: random.Random) -> Tried:
    """An object that is there, or one that is not, is patched."""
    kind = chance.choice(RESOURCES)
    item = _one(scene, kind, chance, anew=0.1)
    where = path_of(kind, item["metadata"].get("namespace") or "default")
    form = chance.choice(PATCHES)
    given = item if chance.random() < 0.5 else sample(kind, chance)
    patch = _steps(item, chance) if form == PATCHES[0] else spoiled(given, chance)
    with_owner = f"{where}/{item['metadata']['name']}?fieldManager=attack&force=true"
    return _sent(scene, "PATCH", with_owner, body(patch, chance), f"application/{form}")


def _one(scene: Scene, kind: Resource, chance: random.Random, anew: float = 0.4) -> Json:
    """One of those that the lab has, under its own name or a new one; or one that is made up."""
    if chance.random() < 0.85:
        try:
            _, told = scene.api().ask("GET", f"{prefix(kind)}/{kind.plural}", b"", TYPES[0])
            items = json.loads(told).get("items")
        except (OSError, http.client.HTTPException, ValueError):
            items = None
        if items:
            item: Json = {"apiVersion": kind.api_version, "kind": kind.kind, **chance.choice(items)}
            item["metadata"].pop("managedFields", None)
            if chance.random() < anew:
                item["metadata"] = {**item["metadata"], "name": f"a{chance.randrange(20)}"}
                for set_by_the_server in ("uid", "resourceVersion", "creationTimestamp"):
                    item["metadata"].pop(set_by_the_server, None)
            return item
    return sample(kind, chance)


def _steps(item: Json, chance: random.Random) -> list[object]:
    found = ["", "/", "/metadata", *("/" + "/".join(map(str, at)) for at in places(item)), "/-", "/a~2"]

    def step() -> dict[str, object]:
        made = {"op": chance.choice(OPERATIONS), "path": chance.choice(found), "from": chance.choice(found)}
        return {**made, "value": value(chance)}

    return [step() for _ in range(chance.choice((1, 1, 2, 3, 20)))]


def _sent(scene: Scene, method: str, path: str, sent: bytes, kind: str) -> Tried:
    what = f"{method} {path} {kind} {sent!r}"
    try:
        status, told = scene.api().ask(method, path, sent, kind)
    except (OSError, http.client.HTTPException) as error:
        return f"no answer: {error!r}", what
    if status >= 500:
        return f"{status} {told[:400]!r}", what
    if status >= 400 and method != "HEAD":
        try:
            clear = bool(json.loads(told).get("message"))
        except (ValueError, AttributeError):
            clear = status == 404  # of a path that is nobody's, as upstream
        return (REFUSED if clear else f"{status} without a Status: {told[:400]!r}"), what
    return (REFUSED if status >= 400 else DONE), what


REQUESTS = Kind("API requests", try_request)
PATCHING = Kind("patches", try_patch)
