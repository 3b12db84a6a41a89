"""The store is read by some threads while another one changes it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from itertools import count

import pytest

from lab.api.paging import page
from lab.api.resources import CONFIGMAPS
from lab.api.selectors import EVERYTHING
from lab.api.store import Store
from tests.unit.api.serving import configmap

STANDING, READINGS = 200, 300


@pytest.fixture
def changing() -> Iterator[Store]:
    """A store whose objects come, change and go, one at a time, as often as the interpreter can change threads."""
    numbers = count()
    store = Store(lambda: "2026-05-04T10:00:00Z", lambda: str(next(numbers)))
    for number in range(STANDING):
        store.create(CONFIGMAPS, configmap(f"standing-{number}"))
    ended = threading.Event()

    def change() -> None:
        for number in count():
            if ended.is_set():
                return
            store.create(CONFIGMAPS, configmap(f"passing-{number}"))
            if number >= 20:
                store.remove(CONFIGMAPS, "shop", f"passing-{number - 20}")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=change)
    thread.start()
    yield store
    ended.set()
    thread.join()
    sys.setswitchinterval(interval)


def test_a_list_is_of_the_moment_that_it_names(changing: Store) -> None:
    """Each object of `passing-` lives for twenty others: at any moment there are at most 21, with numbers that follow
    one another, and the list's revision is that moment's.
    """
    for _ in range(READINGS):
        listed = page(changing, CONFIGMAPS, EVERYTHING, {})
        named = [item["metadata"]["name"] for item in listed.items]
        passing = sorted(int(name.removeprefix("passing-")) for name in named if name.startswith("passing-"))
        assert len(named) - len(passing) == STANDING
        assert passing == list(range(passing[0], passing[0] + len(passing))) if passing else True
        assert len(passing) in (20, 21) or passing[:1] in ([], [0]), "all that was there at that moment, and no more"
        newest = max(int(item["metadata"]["resourceVersion"]) for item in listed.items)
        assert newest <= int(listed.metadata["resourceVersion"])
