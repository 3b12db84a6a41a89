"""Archives from somebody else's machine: what is no archive, leads out of its folder, or never ends is refused."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from lab.errors import UsageError
from lab.exchange.importing.collection import archive as reading
from lab.exchange.importing.collection import tarball
from lab.exchange.importing.collection.archive import collected
from tests.dumps import archive

CLUSTER = "hoplab-cluster"


def made(path: Path, *members: tuple[str, bytes, bytes], link: str = "") -> str:
    """A tar of names, types and contents."""
    with tarfile.open(path, "w") as tar:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(content), link
            tar.addfile(member, io.BytesIO(content))
    return str(path)


@pytest.mark.parametrize("packed", [True, False])
def test_both_kinds_of_archives_and_a_folder_are_read(tmp_path: Path, *, packed: bool) -> None:
    file = archive(tmp_path / "c.tar", CLUSTER, {"nodes.json": "{}", "evil.sh": "rm -rf /"}, packed=packed)
    (one,) = collected([file])
    assert one.is_cluster
    assert one.files["nodes.json"] == b"{}"
    assert one.left == ("evil.sh",)
    (tmp_path / "unpacked" / CLUSTER).mkdir(parents=True)
    for name, data in one.files.items():
        (tmp_path / "unpacked" / CLUSTER / name).write_bytes(data)
    assert collected([str(tmp_path / "unpacked")])[0].files == one.files
    assert collected([str(tmp_path / "unpacked" / CLUSTER)])[0].files == one.files


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("../x", tarfile.REGTYPE, "leads out of its folder"),
        ("/etc/passwd", tarfile.REGTYPE, "leads out of its folder"),
        ("hoplab-cluster/../../x", tarfile.REGTYPE, "leads out of its folder"),
        ("hoplab-cluster/nodes.json", tarfile.SYMTYPE, "is a link or a device"),
        ("hoplab-cluster/nodes.json", tarfile.LNKTYPE, "is a link or a device"),
        ("hoplab-cluster/nodes.json", tarfile.CHRTYPE, "is a link or a device"),
        ("hoplab-cluster/nodes.json", tarfile.GNUTYPE_SPARSE, "is a link or a device"),
        ("else/nodes.json", tarfile.REGTYPE, "which no script of ours writes"),
        ("hoplab-cluster/a/nodes.json", tarfile.REGTYPE, "which no script of ours writes"),
        ("hoplab-node-" + "x" * 300 + "/a", tarfile.REGTYPE, "which no script of ours writes"),
    ],
)
def test_what_is_not_to_be_trusted_is_refused(tmp_path: Path, name: str, kind: bytes, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        collected([made(tmp_path / "x.tar", (name, kind, b""), link="/etc/shadow")])


def test_a_file_twice_two_folders_and_too_many_files_are_refused(tmp_path: Path) -> None:
    one = ("hoplab-cluster/nodes.json", tarfile.REGTYPE, b"{}")
    with pytest.raises(UsageError, match="twice"):
        collected([made(tmp_path / "x.tar", one, one)])
    with pytest.raises(UsageError, match="has two folders"):
        collected([made(tmp_path / "x.tar", one, ("hoplab-node-a/about.txt", tarfile.REGTYPE, b""))])
    many = [(f"hoplab-cluster/{i}", tarfile.REGTYPE, b"") for i in range(tarball.MOST_MEMBERS + 1)]
    with pytest.raises(UsageError, match="more than 1,000 files"):
        collected([made(tmp_path / "x.tar", *many)])


def test_a_link_in_a_folder_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / CLUSTER
    folder.mkdir()
    (folder / "about.txt").write_text("format=1\n")
    (folder / "nodes.json").symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="is no ordinary file"):
        collected([str(folder)])


def test_an_archive_that_is_cut_off_or_none_is_refused(tmp_path: Path) -> None:
    whole = Path(archive(tmp_path / "c.tar.gz", CLUSTER, {"nodes.json": os.urandom(50_000)})).read_bytes()
    for name, data, told in (
        ("cut.tar.gz", whole[: len(whole) // 2], "is cut off after"),
        ("cut.tar", gzip.decompress(whole)[:20_000], "is cut off after"),
        ("garbage.tar", os.urandom(20_000), "is no archive of tar"),
        ("garbage.tar.gz", b"\x1f\x8b" + os.urandom(20_000), "cannot be unpacked"),
        ("text.tar", b"hello\n" * 1000, "is no archive of tar"),
        ("short.tar", b"hello", "is cut off after"),
        ("empty.tar", b"", "is empty"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UsageError, match=told):
            collected([str(tmp_path / name)])


def test_bombs_end_at_their_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarball, "MOST_ARCHIVE", 4 << 20)
    monkeypatch.setattr(reading, "MOST_FILE", 2 << 20)
    bomb = archive(tmp_path / "a.tar.gz", CLUSTER, {"nodes.json": b"\0" * (3 << 20)})
    assert Path(bomb).stat().st_size < 100_000
    with pytest.raises(UsageError, match="has more than 2 MiB"):
        collected([bomb])
    several = archive(tmp_path / "b.tar.gz", CLUSTER, {f"{i}.json": b"\0" * (1 << 20) for i in range(6)})
    with pytest.raises(UsageError, match="has more than 4 MiB unpacked"):
        collected([several])
    header = tarfile.TarInfo("hoplab-cluster/x")
    header.type, header.size = tarfile.XHDTYPE, 3 << 20
    (tmp_path / "c.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + b"\0" * (3 << 20))
    with pytest.raises(UsageError, match="has a header of"):
        collected([str(tmp_path / "c.tar")])
    monkeypatch.setattr(reading, "MOST_ALL", 3 << 20)
    archive(tmp_path / "d.tar", CLUSTER, {"nodes.json": b"\0" * (2 << 20)}, packed=False)
    archive(tmp_path / "e.tar", "hoplab-node-a", {"routes.json": b"\0" * (2 << 20)}, packed=False)
    with pytest.raises(UsageError, match="all together has more than"):
        collected([str(tmp_path / "d.tar"), str(tmp_path / "e.tar")])


def test_a_large_file_of_rules_is_thinned_and_keeps_its_lines(tmp_path: Path) -> None:
    services = b"-A KUBE-SVC-AAAA -m comment --comment xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx -j KUBE-SEP-BBBB\n" * 20_000
    rules = b"*nat\n" + services + b"-A INPUT -p tcp -j DROP\nCOMMIT\n"
    (one,) = collected([archive(tmp_path / "n.tar.gz", "hoplab-node-a", {"iptables.txt": rules})])
    kept = one.files["iptables.txt"]
    assert kept.count(b"\n") == rules.count(b"\n")
    assert len(kept) < len(rules) / 5
    assert kept.endswith(b"\n-A INPUT -p tcp -j DROP\nCOMMIT\n")
    assert b"KUBE-SVC" in kept


@pytest.mark.parametrize("name", ["nowhere", "/dev/zero", "/dev/null"])
def test_what_is_no_file_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"cannot be read|is no ordinary file"):
        collected([name])
