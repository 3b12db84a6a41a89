"""Watches: what a client is told first, then of every change; nothing twice, nothing left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.api.errors import ApiError
from lab.api.history import REMEMBERED
from lab.api.resources import CONFIGMAPS, PODS
from lab.api.selectors import EVERYTHING, Fields, Labels, Selection
from lab.api.store import Change
from lab.api.watching import INITIAL_EVENTS_END, Event, Start, Watch, start_of
from tests.unit.api.serving import Serving, configmap, pod

RED = Selection("shop", Labels.parse("colour=red"))


def told(watch: Watch) -> list[tuple[str, str]]:
    """Types and names of the events that wait."""
    return [(event.type, event.object["metadata"].get("name", "")) for event in events(watch)]


def events(watch: Watch) -> list[Event]:
    found: list[Event] = []
    while event := watch.next():
        found.append(event)
    return found


@pytest.fixture
def serving() -> Serving:
    return Serving()


def paint(serving: Serving, name: str, colour: str) -> None:
    serving.registry.update(CONFIGMAPS, configmap(name, labels={"colour": colour}))


def test_without_a_revision_the_present_comes_first(serving: Serving) -> None:
    serving.registry.create(CONFIGMAPS, configmap("a"))
    watch = Watch(serving.store, CONFIGMAPS)
    assert told(watch) == [("ADDED", "a")]
    serving.registry.create(CONFIGMAPS, configmap("b"))
    serving.registry.create(PODS, pod("not-meant"))
    paint(serving, "a", "red")
    serving.store.remove(CONFIGMAPS, "shop", "b")
    assert told(watch) == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]


def test_changes_made_before_the_present_is_taken_come_after_it(serving: Serving) -> None:
    serving.registry.create(CONFIGMAPS, configmap("a"))
    watch = Watch(serving.store, CONFIGMAPS)
    serving.registry.create(CONFIGMAPS, configmap("b"))
    serving.store.remove(CONFIGMAPS, "shop", "a")
    assert told(watch) == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]


def test_from_a_revision_what_came_after_it_is_told_again(serving: Serving) -> None:
    serving.registry.create(CONFIGMAPS, configmap("a"))
    seen = serving.store.revision
    serving.registry.create(CONFIGMAPS, configmap("b"))
    assert told(Watch(serving.store, CONFIGMAPS, start=Start(seen))) == [("ADDED", "b")]
    assert told(Watch(serving.store, CONFIGMAPS, start=Start(serving.store.revision))) == []


def test_every_event_is_a_whole_object_of_its_own_revision(serving: Serving) -> None:
    watch = Watch(serving.store, CONFIGMAPS)
    serving.registry.create(CONFIGMAPS, configmap("a"))
    serving.store.remove(CONFIGMAPS, "shop", "a")
    found = events(watch)
    assert [(one.object["apiVersion"], one.object["kind"]) for one in found] == [("v1", "ConfigMap")] * 2
    revisions = [int(one.object["metadata"]["resourceVersion"]) for one in found]
    assert revisions == [serving.store.revision - 1, serving.store.revision]


def test_what_enters_a_selection_is_added_and_what_leaves_it_is_deleted(serving: Serving) -> None:
    serving.registry.create(CONFIGMAPS, configmap("a", labels={"colour": "blue"}))
    watch = Watch(serving.store, CONFIGMAPS, RED)
    paint(serving, "a", "green")
    paint(serving, "a", "red")
    serving.registry.update(CONFIGMAPS, configmap("a", labels={"colour": "red"}, more="data"))
    paint(serving, "a", "blue")
    serving.store.remove(CONFIGMAPS, "shop", "a")
    found = events(watch)
    assert [one.type for one in found] == ["ADDED", "MODIFIED", "DELETED"]
    last = found[-1].object
    assert last["metadata"]["labels"] == {"colour": "red"}, "the last state that this client knew"
    assert int(last["metadata"]["resourceVersion"]) == serving.store.revision - 1, "with the number of the change"


def test_another_namespace_is_not_told_of(serving: Serving) -> None:
    watch = Watch(serving.store, CONFIGMAPS, Selection("default"))
    serving.registry.create(CONFIGMAPS, configmap("a", "shop"))
    serving.registry.create(CONFIGMAPS, configmap("b", "default"))
    assert told(watch) == [("ADDED", "b")]


def test_one_object_is_watched_by_its_name(serving: Serving) -> None:
    serving.registry.create(CONFIGMAPS, configmap("a"))
    serving.registry.create(CONFIGMAPS, configmap("b"))
    watch = Watch(serving.store, CONFIGMAPS, Selection("shop", fields=Fields.parse(CONFIGMAPS, "metadata.name=a")))
    assert told(watch) == [("ADDED", "a")]


def test_a_watch_list_says_when_all_has_been_told(serving: Serving) -> None:
    serving.registry.create(CONFIGMAPS, configmap("a"))
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    watch = Watch(serving.store, CONFIGMAPS, start=start_of(query))
    listed = serving.store.revision
    serving.registry.create(CONFIGMAPS, configmap("b"))
    first, end, live = events(watch)
    assert (first.type, end.type, live.type) == ("ADDED", "BOOKMARK", "ADDED")
    assert end.object["kind"] == "ConfigMap"
    assert end.object["metadata"]["annotations"] == {INITIAL_EVENTS_END: "true"}
    assert end.object["metadata"]["resourceVersion"] == str(listed)


def test_a_watch_list_may_know_an_old_revision_but_none_to_come(serving: Serving) -> None:
    serving.registry.create(CONFIGMAPS, configmap("a"))
    assert told(Watch(serving.store, CONFIGMAPS, start=Start(1, all_first=True))) == [("ADDED", "a")]
    with pytest.raises(ApiError) as refused:
        Watch(serving.store, CONFIGMAPS, start=Start(serving.store.revision + 1, all_first=True))
    assert refused.value.code == 410


def test_a_watch_may_begin_with_nothing(serving: Serving) -> None:
    serving.registry.create(CONFIGMAPS, configmap("a"))
    query = {"sendInitialEvents": "false", "resourceVersionMatch": "NotOlderThan"}
    watch = Watch(serving.store, CONFIGMAPS, start=start_of(query))
    serving.registry.create(CONFIGMAPS, configmap("b"))
    assert told(watch) == [("ADDED", "b")]


@pytest.mark.parametrize(
    "query", [{"sendInitialEvents": "true"}, {"sendInitialEvents": "true", "resourceVersionMatch": "Exact"}]
)
def test_a_watch_list_that_says_not_how_is_invalid(query: dict[str, str]) -> None:
    with pytest.raises(ApiError, match="sendInitialEvents requires") as refused:
        start_of(query)
    assert (refused.value.code, refused.value.reason) == (422, "Invalid")


def test_a_resource_version_is_a_number() -> None:
    with pytest.raises(ApiError) as refused:
        start_of({"resourceVersion": "x1"})
    assert refused.value.code == 400


def test_a_revision_that_is_forgotten_or_to_come_has_expired(serving: Serving) -> None:
    old = serving.store.revision
    serving.store.create(CONFIGMAPS, configmap("a"))
    for number in range(REMEMBERED):
        serving.store.update(CONFIGMAPS, configmap("a", count=str(number)))
    for revision in (old, serving.store.revision + 5):
        with pytest.raises(ApiError) as refused:
            Watch(serving.store, CONFIGMAPS, start=Start(revision))
        assert (refused.value.code, refused.value.reason) == (410, "Expired")


def test_a_bookmark_says_how_far_the_client_is(serving: Serving) -> None:
    watch = Watch(serving.store, CONFIGMAPS, start=Start(bookmarks=True))
    deaf = Watch(serving.store, CONFIGMAPS)
    serving.registry.create(PODS, pod("of-another-kind"))
    watch.bookmark()
    deaf.bookmark()
    (found,) = events(watch)
    assert (found.type, found.object["metadata"]["resourceVersion"]) == ("BOOKMARK", str(serving.store.revision))
    assert not events(deaf), "who did not ask for bookmarks gets none"


def test_a_slow_client_must_list_anew(serving: Serving) -> None:
    watch = Watch(serving.store, CONFIGMAPS, waiting=2)
    for name in "abc":
        serving.registry.create(CONFIGMAPS, configmap(name))
    assert watch.ended
    (error,) = events(watch)
    assert error.type == "ERROR"
    assert (error.object["kind"], error.object["code"], error.object["reason"]) == ("Status", 410, "Expired")
    serving.registry.create(CONFIGMAPS, configmap("d"))
    assert not events(watch)


def test_the_shell_is_woken_once_for_all_that_waits(serving: Serving) -> None:
    woken: list[int] = []
    watch = Watch(serving.store, CONFIGMAPS, wake=lambda: woken.append(1))
    for name in "ab":
        serving.registry.create(CONFIGMAPS, configmap(name))
    assert len(woken) == 1
    assert len(events(watch)) == 2
    serving.registry.create(CONFIGMAPS, configmap("c"))
    assert len(woken) == 2
    watch.close()
    watch.close()
    serving.registry.create(CONFIGMAPS, configmap("d"))
    assert len(woken) == 2


def test_a_watch_that_begins_amid_a_change_hears_nothing_twice(serving: Serving) -> None:
    watches: list[Watch] = []

    def begin(change: Change) -> None:
        if change.object["metadata"]["name"] == "a":
            serving.store.create(CONFIGMAPS, configmap("b"))
            watches.append(Watch(serving.store, CONFIGMAPS))

    deaf = serving.store.listen(begin)
    serving.store.create(CONFIGMAPS, configmap("a"))
    deaf()
    assert told(watches[0]) == [("ADDED", "a"), ("ADDED", "b")]


# A random history of few objects, watched by the selection of one colour.
Step = tuple[str, str, str]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["paint", "remove", "finalize"]), st.sampled_from("abcd"), st.sampled_from(["red", "blue"])
    ),
    max_size=30,
)


def live(serving: Serving, step: Step) -> None:
    action, name, colour = step
    there = serving.store.find(CONFIGMAPS, "shop", name)
    item: dict[str, Any] = configmap(name, labels={"colour": colour})
    if action == "remove":
        if there:
            serving.registry.delete(CONFIGMAPS, "shop", name)
        return
    if action == "finalize":
        item["metadata"]["finalizers"] = ["example.com/mine"] if not there else []
    (serving.registry.update if there else serving.registry.create)(CONFIGMAPS, item)


def state(serving: Serving, selection: Selection) -> dict[str, Any]:
    return {item["metadata"]["name"]: item for item in serving.registry.list(CONFIGMAPS, selection)}


@settings(max_examples=150)
@given(STEPS, st.integers(0, 30), st.integers(0, 30), st.sampled_from([EVERYTHING, RED]), st.booleans())
def test_a_watch_from_any_revision_comes_to_what_a_list_gives(
    steps: list[Step], listed_after: int, watched_after: int, selection: Selection, whole: bool
) -> None:
    """List after some steps; watch from there after some more; what was told makes the later list."""
    serving = Serving()
    known: dict[str, Any] = {}
    revision = serving.store.revision
    watch: Watch | None = None
    begin = max(listed_after, watched_after)
    for index, step in enumerate([*steps, None]):
        if index == min(listed_after, len(steps)):
            known, revision = ({}, 0) if whole else (state(serving, selection), serving.store.revision)
        if index == min(begin, len(steps)):
            watch = Watch(serving.store, CONFIGMAPS, selection, Start(revision))
        if step:
            live(serving, step)
    assert watch
    for event in events(watch):
        name = event.object["metadata"]["name"]
        match event.type:
            case "ADDED":
                assert name not in known, f"{name} is told as new though the client knows it"
                known[name] = event.object
            case "MODIFIED":
                assert name in known, f"{name} is told as changed though the client does not know it"
                known[name] = event.object
            case _:
                assert known.pop(name, None), f"{name} is told as gone though the client does not know it"
    assert known == state(serving, selection)
