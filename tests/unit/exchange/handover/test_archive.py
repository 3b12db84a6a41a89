"""Bundles of anybody: what is hostile, cut off or newer is refused in words, and before it is taken in."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable

import pytest

from lab.errors import FileError, HoplabError, UsageError
from lab.exchange.handover import archive, contents, replay
from lab.exchange.handover.contents import Manifest

LAB = b"apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: one}\n"
MANIFEST = Manifest(lab="one").text().encode()


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", format=tarfile.PAX_FORMAT) as archive_:
        for member, data in members:
            member.size = len(data) if member.isreg() else member.size
            archive_.addfile(member, io.BytesIO(data))
    return made.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, link
    return found


def bundle(**members: bytes) -> bytes:
    given = {"manifest.json": MANIFEST, "lab.yaml": LAB} | {
        name.replace("_", "."): data for name, data in members.items()
    }
    return archive.written(given)


def read(data: bytes) -> replay.Bundle:
    return replay.read(io.BytesIO(data), "bug.tar.gz")


def test_what_was_written_is_read_and_the_same_is_always_the_same_file() -> None:
    assert bundle() == bundle()
    found = read(bundle())
    assert (found.topology, found.name, found.lab) == (LAB.decode(), "one", "one-replay")
    assert archive.read(io.BytesIO(bundle()), "x", frozenset(("lab.yaml",))) == {"lab.yaml": LAB}


@pytest.mark.parametrize(
    "odd",
    [
        member("../lab.yaml"),
        member("/etc/passwd"),
        member("journeys/../../x"),
        member("a/b/c"),
        member("Lab.yaml"),
        member("x\nlab"),
        member("lab.yaml", tarfile.SYMTYPE, "/etc/passwd"),
        member("lab.yaml", tarfile.LNKTYPE, "manifest.json"),
        member("null", tarfile.CHRTYPE),
        member("pipe", tarfile.FIFOTYPE),
        member("journeys", tarfile.DIRTYPE),
    ],
    ids=lambda one: f"{one.name!a}-{one.type!r}",
)
def test_odd_members_are_refused(odd: tarfile.TarInfo) -> None:
    with pytest.raises(UsageError):
        read(packed((member("manifest.json"), MANIFEST), (odd, b"")))


def test_a_member_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="twice"):
        read(packed((member("lab.yaml"), LAB), (member("lab.yaml"), LAB)))


def test_a_bomb_is_refused_before_it_is_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_OF_ALL", 1 << 20)
    zeros = gzip.compress(b"\0" * (8 << 20))
    with pytest.raises(UsageError):
        read(zeros)
    with pytest.raises(UsageError, match="more than 1 MiB are in it"):
        read(packed((member("a"), b"x" * (3 << 20))))


def test_a_long_name_of_pax_is_no_way_around_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_OF_ALL", 1 << 16)
    with pytest.raises(UsageError):
        read(packed((member("a" * (1 << 20)), b"")))


def test_too_large_and_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_OF_ONE", 10)
    with pytest.raises(UsageError, match="has more than"):
        read(packed((member("a"), b"x" * 11)))
    monkeypatch.setattr(archive, "MOST_MEMBERS", 2)
    with pytest.raises(UsageError, match="more than 2 files"):
        read(packed(*((member(f"a{number}"), b"") for number in range(3))))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-30],
        lambda data: data[: len(data) // 2],
        lambda _: b"",
        lambda _: b"\x1f\x8b nothing",
        lambda _: LAB,
    ],
)
def test_what_is_cut_off_or_no_bundle_is_said_to_be(spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(UsageError):
        read(spoil(bundle()))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"nothing", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no bundle"),
        (b'{"schema": "hoplab.trace/v2"}', "no bundle"),
        (b'{"schema": "hoplab.bundle/v2"}', "a newer Hoplab: hoplab.bundle/v2"),
        (b'{"schema": "hoplab.bundle/v1", "journeys": 7}', "not whole: journeys"),
        (b'{"schema": "hoplab.bundle/v1", "topology": "../x"}', "not whole: topology"),
    ],
)
def test_a_manifest_that_cannot_be_right(text: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read(bundle(manifest_json=text))


def test_a_bundles_file_names_no_file_of_ours() -> None:
    text = LAB + b"spec: {firewalls: [{on: node-0, rulesFile: /etc/passwd}]}\n"
    with pytest.raises(FileError, match="cannot be read"):
        read(bundle(lab_yaml=text))


def test_a_bundle_without_its_parts_and_with_odd_requests() -> None:
    with pytest.raises(UsageError, match="no manifest"):
        read(archive.written({"lab.yaml": LAB}))
    with pytest.raises(UsageError, match="is missing"):
        read(archive.written({"manifest.json": MANIFEST}))
    told = json.loads(MANIFEST)
    told["journeys"] = [{"name": "x", "why": "asked", "request": {"from": "", "to": "y"}}]
    with pytest.raises(HoplabError, match="cannot be asked"):
        read(bundle(manifest_json=json.dumps(told).encode()))
    assert contents.NAME == "manifest.json"
