"""Where a lab's groups are made in the unified hierarchy, on trees of folders as systemd lays them.

/ ─┬─ system.slice ── runner.service
   └─ user.slice ── user-1000.slice ─┬─ session-3.scope
                                     └─ user@1000.service ── app.slice ── run-7.scope
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.kernel.sandbox.cgroups import grouping, unified
from lab.kernel.sandbox.cgroups.unified import Around, around, make, remedy, remove

SERVICE = "system.slice/runner.service"
SLICE = "user.slice/user-1000.slice"
SESSION, MANAGER = f"{SLICE}/session-3.scope", f"{SLICE}/user@1000.service"
SCOPE = f"{MANAGER}/app.slice/run-7.scope"
EVERY = ("", SERVICE, SLICE, SESSION, MANAGER, f"{MANAGER}/app.slice", SCOPE)
OURSELVES = (os.geteuid(), os.getegid())


def group(folder: Path, *, ours: bool = True, offered: str = "cpu memory pids") -> Path:
    """As the kernel makes one. That is not ours to write has no file to be written: who tests may be root."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cgroup.controllers").write_text("cpu memory pids\n", encoding="ascii")
    if ours:
        (folder / "cgroup.procs").write_text("", encoding="ascii")
        (folder / "cgroup.subtree_control").write_text(f"{offered}\n", encoding="ascii")
    return folder


def roots(root: Path) -> Path:
    """All of them root's, who we are."""
    for path in EVERY:
        group(root / path)
    return root


def a_users(root: Path) -> Path:
    """What an ordinary user sees: all from their systemd on is theirs."""
    for path in EVERY:
        group(root / path, ours=path.startswith(MANAGER))
    return root


def found(own: str, root: Path) -> list[tuple[str, bool]]:
    return [(str(one.folder.relative_to(root)), one.emptied) for one in around(own, root)]


@pytest.mark.parametrize("own", ["/", f"/{SESSION}", f"/{SERVICE}", f"/{SCOPE}"])
def test_roots_is_made_at_the_top(tmp_path: Path, own: str) -> None:
    assert found(own, roots(tmp_path)) == [(".", False)]


def test_a_users_is_made_beside_what_their_systemd_has(tmp_path: Path) -> None:
    assert found(f"/{SCOPE}", a_users(tmp_path)) == [(MANAGER, False)]


def test_who_came_over_ssh_has_nowhere(tmp_path: Path) -> None:
    assert found(f"/{SESSION}", a_users(tmp_path)) == []


def test_a_group_that_is_not_shown_here(tmp_path: Path) -> None:
    assert found("/../../elsewhere", roots(tmp_path)) == []


def test_a_group_of_which_only_itself_is_ours_is_emptied(tmp_path: Path) -> None:
    a_users(tmp_path)
    group(tmp_path / SESSION)
    assert found(f"/{SESSION}", tmp_path) == [(SESSION, True)]


@pytest.mark.parametrize("own", [f"/{SERVICE}", f"/{SERVICE}/{unified.OTHERS}"])
def test_one_that_was_given_away_by_systemd_is_used(tmp_path: Path, own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    roots(tmp_path)

    def told(path: Path, name: str) -> bytes:
        if (path, name) == (tmp_path / SERVICE, "user.delegate"):
            return b"1"
        raise OSError(61, "no data")

    monkeypatch.setattr(os, "getxattr", told)
    assert found(own, tmp_path) == [(SERVICE, True), (".", False)]


def test_what_is_made(tmp_path: Path) -> None:
    one = roots(tmp_path) / "hoplab-x"
    places = group(group(one) / "places")
    made = make("x", {"memory": 1 << 20, "pids": 400, "cpu": 50_000}, OURSELVES, f"/{SESSION}", tmp_path)
    assert made == unified.Made(one, frozenset({"memory", "pids", "cpu"}))
    written = {name: (places / name).read_text() for name in ("memory.max", "memory.swap.max", "pids.max", "cpu.max")}
    assert written == {"memory.max": "1048576", "memory.swap.max": "0", "pids.max": "400", "cpu.max": "50000 100000"}
    assert (one / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"
    assert (one / "agent" / "cgroup.procs").read_text() == "0", "the agent is in it, outside of the places"
    assert (tmp_path / "cgroup.subtree_control").read_text() == "cpu memory pids\n", "others are left as they are"


def test_what_is_not_offered_is_not_kept(tmp_path: Path) -> None:
    one = group(roots(tmp_path), offered="memory pids") / "hoplab-x"
    places = group(group(one) / "places")
    made = make("x", {"pids": 400, "cpu": 50_000}, OURSELVES, "/", tmp_path)
    assert made == unified.Made(one, frozenset({"pids"}))
    assert not (places / "cpu.max").exists()
    group(tmp_path, offered="")
    assert make("x", {"pids": 400}, OURSELVES, "/", tmp_path) is None


def test_a_group_of_our_own_offers_what_it_has(tmp_path: Path) -> None:
    own = group(tmp_path / "own", offered="")
    group(group(own / "hoplab-x") / "places")
    (own / "cgroup.controllers").write_text("memory\n", encoding="ascii")
    made = make("x", {"memory": 1 << 20, "cpu": 50_000}, OURSELVES, "/own", tmp_path)
    assert made == unified.Made(own / "hoplab-x", frozenset({"memory"}))
    assert (own / "cgroup.subtree_control").read_text() == "+memory"
    assert Around(own, emptied=True).offered() == {"memory"}


def test_one_whose_agent_lives_is_not_removed(tmp_path: Path) -> None:
    one = tmp_path / "hoplab-x"
    for name in ("places", "agent"):
        (one / name).mkdir(parents=True)
    events = one / "cgroup.events"
    events.write_text("populated 1\nfrozen 0\n", encoding="ascii")
    assert not remove(one)
    assert (one / "places").is_dir(), "idle, and wanted again"
    events.unlink()
    assert remove(one)
    assert not one.exists()


def test_only_the_labs_own_group_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unified, "ROOT", tmp_path)
    (tmp_path / "hoplab-xy" / "hoplab-z").mkdir(parents=True)
    (tmp_path / "hoplab-x").mkdir()
    written = [f"{tmp_path}/hoplab-xy", f"{tmp_path}/hoplab-x/../hoplab-xy", "/hoplab-x", f"{tmp_path}/hoplab-x", ""]
    assert grouping.remove(written, "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hoplab-xy"]


def test_what_can_be_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    systemd, none = tmp_path, tmp_path / "none"
    user = a_users(tmp_path / "user")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "systemd-run --user --scope -p Delegate=yes" in remedy("memory", user, systemd)
    (user / MANAGER / "cgroup.controllers").write_text("memory pids\n", encoding="ascii")
    assert remedy("cpu", user, systemd) == "leave it out; or as root"
    assert remedy("memory", user, none) == "leave it out; or as root"
    root = group(tmp_path / "root")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "systemd-run --scope -p Delegate=yes" in remedy("cpu", root, systemd)
    assert f"echo +cpu > {root}/cgroup.subtree_control" in remedy("cpu", root, none)
    (root / "cgroup.controllers").write_text("pids\n", encoding="ascii")
    assert remedy("cpu", root, systemd) == "leave it out"
