"""A running lab as one file: the topology as it stands, live objects, faults, and what was changed by hand as drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.agent.design.blueprint import ReadFile, read_file
from lab.control.meaning import meant, stored
from lab.errors import HoplabError, LabError
from lab.exchange.handover import live_objects, yaml_text
from lab.topology.impairment import FIELDS

if TYPE_CHECKING:
    from lab.agent.client.client import Client

Json = dict[str, Any]
JSON = "application/json"
FILE = "lab.yaml"


@dataclass(frozen=True, slots=True)
class Exported:
    """The file's text, and what is to be said of it."""

    text: str
    warnings: tuple[str, ...] = ()


def export(connected: Client) -> Exported:
    """The running lab. HoplabError of whoever is asked; LabError where the file would not be right: a defect."""
    connected.request("settled")
    parts = connected.request("whole")
    objects = [*_objects(connected)]
    return composed(parts, objects)


def _objects(connected: Client) -> list[Json]:
    found: list[Json] = []
    for resource in live_objects.WRITTEN:
        base = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
        answer = connected.request("api", path=f"{base}/{resource.plural}", accept=JSON)
        if answer["code"] >= 400:
            raise LabError(f"the lab's API does not tell its {resource.plural}: {answer['object'].get('message', '')}")
        found += (
            {"apiVersion": resource.api_version, "kind": resource.kind, **one} for one in answer["object"]["items"]
        )
    return found


def composed(parts: Mapping[str, Any], objects: list[Json]) -> Exported:
    """The file of these parts, as the agent's `whole` has them, and of all live objects."""
    topology = _topology(parts)
    bare = _read(yaml_text.documents([topology, _DEFAULT]))
    own = frozenset(live_objects.key_of(one) for one in stored(bare.topology, bare.documents))
    unbroken = {live_objects.key_of(one): one for one in parts["unbroken"]}
    objects = [unbroken.get(live_objects.key_of(one), one) for one in objects]
    cleaning = live_objects.Cleaning()
    written = [cleaning.written(one) for one in live_objects.somebodys(objects, own - {live_objects.key_of(_DEFAULT)})]
    written = [one for one in written if one != _DEFAULT] or [_DEFAULT]  # without any, a file means the usual pods
    if kept := _kept(parts["kept"], _read(yaml_text.documents([topology, *written]))):
        topology["spec"]["kept"] = kept
    if parts["drift"]:
        topology["spec"]["drift"] = parts["drift"]
    head = "# A running lab, whole, as `export` wrote it. `up --topology` with this file gives it back.\n"
    text = yaml_text.documents([topology, *written], head)
    _read(text)
    return Exported(text, tuple(_warnings(parts, written)))


_DEFAULT: Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}


def _topology(parts: Mapping[str, Any]) -> Json:
    """The topology's own document, with what was set since then, and without what is told anew."""
    topology: Json = {**parts["written"]}
    spec: Json = {**(topology.get("spec") or {})}
    for name in ("drift", "kept", "files", "faults"):
        spec.pop(name, None)
    topology["spec"] = spec
    if parts["links"]:
        spec["links"] = _links(spec.get("links") or [], parts["links"])
    if parts["faults"]:
        spec["faults"] = parts["faults"]
    if parts["files"]:
        spec["files"] = parts["files"]
    return topology


def _links(written: list[Json], live: list[Json]) -> list[Json]:
    """The file's, and in their stead those that were set by hand on the same device."""
    set_now = {one["on"]: one for one in live}
    found = []
    for one in written:
        now = set_now.pop(one["on"], None)
        kept = {name: value for name, value in one.items() if now is None or name not in FIELDS}
        found.append({**kept, **(now or {})})
    return [*found, *set_now.values()]


def _kept(had: Json, read: ReadFile) -> Json:
    """What the lab had given out, where a new one would give out something else."""
    picture = meant(read.topology, read.documents)
    addresses = picture.addresses
    would = {
        "nodes": addresses.nodes,
        "blocks": {node: list(blocks) for node, blocks in addresses.blocks.items()},
        "pods": {pod.place: {"node": pod.node, "address": addresses.pods[pod.place]} for pod in picture.cluster.pods},
    }
    return {} if would == had else had


def _read(text: str) -> ReadFile:
    """The text as `up` will read it. LabError: it is ours, so whatever is wrong with it is our defect."""
    try:
        return read_file(text, FILE, ())
    except HoplabError as error:
        raise LabError(
            f"what was written of the lab cannot be read again: {error.message}", "please report it: it is a defect"
        ) from error


def _warnings(parts: Mapping[str, Any], written: list[Json]) -> list[str]:
    told = []
    if any(one["kind"] == "Secret" for one in written):
        told.append("the lab's Secrets are in the file as they are")
    if any(one.get("hidden") for one in parts["faults"]):
        told.append("a hidden fault that is no object of the network is in the file by its name, as `hidden`")
    return told
