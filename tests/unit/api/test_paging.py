"""Lists in pieces, of one moment."""

from __future__ import annotations

import pytest

from lab.api.history import REMEMBERED
from lab.api.resources import CONFIGMAPS
from tests.unit.api.serving import Json, Serving, configmap

LIST = "/api/v1/namespaces/shop/configmaps"


@pytest.fixture
def serving() -> Serving:
    made = Serving()
    for name in "abcde":
        made.registry.create(CONFIGMAPS, configmap(name, colour="red"))
    return made


def names(told: Json) -> str:
    return "".join(item["metadata"]["name"] for item in told["items"])


def test_a_short_list_has_no_more(serving: Serving) -> None:
    told = serving.told("GET", f"{LIST}?limit=500")
    assert names(told) == "abcde"
    assert told["metadata"] == {"resourceVersion": str(serving.store.revision)}


def test_a_list_goes_on_as_it_was_whatever_happens_meanwhile(serving: Serving) -> None:
    first = serving.told("GET", f"{LIST}?limit=2")
    assert (names(first), first["metadata"]["remainingItemCount"]) == ("ab", 3)
    serving.registry.delete(CONFIGMAPS, "shop", "d")
    serving.registry.create(CONFIGMAPS, configmap("bb"))
    serving.registry.update(CONFIGMAPS, configmap("e", colour="blue"))
    second = serving.told("GET", f"{LIST}?limit=2&continue={first['metadata']['continue']}")
    third = serving.told("GET", f"{LIST}?limit=2&continue={second['metadata']['continue']}")
    assert (names(second), names(third)) == ("cd", "e")
    assert third["items"][0]["data"] == {"colour": "red"}
    assert "continue" not in third["metadata"]
    assert {one["metadata"]["resourceVersion"] for one in (first, second, third)} == {
        first["metadata"]["resourceVersion"]
    }


def test_the_past_can_be_asked_for_exactly(serving: Serving) -> None:
    past = serving.store.revision
    serving.registry.delete(CONFIGMAPS, "shop", "a")
    told = serving.told("GET", f"{LIST}?resourceVersion={past}&resourceVersionMatch=Exact")
    assert (names(told), told["metadata"]["resourceVersion"]) == ("abcde", str(past))
    assert names(serving.told("GET", f"{LIST}?resourceVersion={past}&resourceVersionMatch=NotOlderThan")) == "bcde"
    assert names(serving.told("GET", f"{LIST}?resourceVersion=0&limit=500")) == "bcde"


def test_how_many_are_left_is_not_said_of_a_selection(serving: Serving) -> None:
    told = serving.told("GET", f"{LIST}?limit=1&fieldSelector=metadata.name!=a")
    assert names(told) == "b"
    assert "remainingItemCount" not in told["metadata"]
    assert names(
        serving.told("GET", f"{LIST}?fieldSelector=metadata.name!=a&continue={told['metadata']['continue']}")
    ) == ("cde")


def test_a_piece_of_what_is_forgotten_has_expired(serving: Serving) -> None:
    first = serving.told("GET", f"{LIST}?limit=2")
    for number in range(REMEMBERED + 1):
        serving.store.update(CONFIGMAPS, configmap("a", count=str(number)))
    answer = serving.ask("GET", f"{LIST}?limit=2&continue={first['metadata']['continue']}")
    assert (answer.code, answer.json()["reason"]) == (410, "Expired")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("continue=nonsense", 400),
        ("continue=e30", 400),
        ("limit=x", 400),
        ("limit=-1", 400),
        ("resourceVersion=new", 400),
        ("resourceVersionMatch=Exact", 400),
        ("resourceVersion=99999999", 410),
        ("labelSelector=a=b%", 400),
        ("fieldSelector=spec.x=y", 400),
        ("includeObject=Everything", 400),
    ],
)
def test_what_cannot_be_listed_is_refused(serving: Serving, query: str, code: int) -> None:
    assert serving.ask("GET", f"{LIST}?{query}").code == code
