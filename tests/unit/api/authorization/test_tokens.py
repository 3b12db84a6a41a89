"""Tokens: whose they are, how long they hold, and where pods find them."""

from __future__ import annotations

from typing import Any

import pytest

from lab.agent.apiserver.authentication import Authentication
from lab.api.authorization.tokens import MOUNTED, Tokens
from lab.api.errors import ApiError
from lab.api.http import users
from lab.api.resources import PODS, SERVICEACCOUNTS
from tests.unit.api.serving import Json, Serving, pod

KEY = b"k" * 32


@pytest.fixture
def serving() -> Serving:
    return Serving()


def made(serving: Serving, name: str = "web", **spec: Any) -> Json:
    return serving.registry.create(PODS, pod(name, **spec))


def test_a_pods_token_is_its_accounts_for_as_long_as_the_pod_is_there(serving: Serving) -> None:
    tokens = Tokens(serving.store, KEY)
    one = made(serving, serviceAccountName="robot")
    token = tokens.of_pod(one)
    found = tokens.user_of(token)
    assert found is not None
    assert found.name == "system:serviceaccount:shop:robot"
    assert "system:serviceaccounts:shop" in found.groups
    assert dict(found.extra)["authentication.kubernetes.io/pod-name"] == ("web",)
    serving.store.remove(PODS, "shop", "web")
    assert tokens.user_of(token) is None
    made(serving, serviceAccountName="robot")
    assert tokens.user_of(token) is None, "another pod of that name is not that pod"


def test_nodes_and_accounts_have_theirs(serving: Serving) -> None:
    tokens = Tokens(serving.store, KEY)
    assert tokens.user_of(tokens.of_node("node-0")) == users.node("node-0")
    known = tokens.user_of(tokens.of_account("kube-system", "coredns"))
    assert known is not None
    assert "system:serviceaccounts:kube-system" in known.groups


@pytest.mark.parametrize("made_of", ["", "{}.", "a.b.c", "{0}{0}", "é{}", "x{}"])
def test_what_was_not_signed_here_is_nobodys(serving: Serving, made_of: str) -> None:
    tokens = Tokens(serving.store, KEY)
    token = tokens.of_node("node-0")
    assert tokens.user_of(made_of.format(token)) is None
    assert tokens.user_of(token[:-1]) is None
    assert tokens.user_of(Tokens(serving.store, b"other").of_node("node-0")) is None


def test_the_files_of_a_pod(serving: Serving) -> None:
    tokens = Tokens(serving.store, KEY)
    files = tokens.mounted(made(serving), "AUTHORITY")
    assert files[f"{MOUNTED}/ca.crt"] == "AUTHORITY"
    assert files[f"{MOUNTED}/namespace"] == "shop"
    found = tokens.user_of(files[f"{MOUNTED}/token"])
    assert found is not None
    assert found.name == "system:serviceaccount:shop:default"


def test_who_wants_none_has_none(serving: Serving) -> None:
    tokens = Tokens(serving.store, KEY)
    assert not tokens.mounted(made(serving, automountServiceAccountToken=False), "")
    account = {"metadata": {"name": "shy", "namespace": "shop"}, "automountServiceAccountToken": False}
    serving.registry.create(SERVICEACCOUNTS, account)
    assert not tokens.mounted(made(serving, "a", serviceAccountName="shy"), "")
    assert tokens.mounted(made(serving, "b", serviceAccountName="shy", automountServiceAccountToken=True), "")


def test_who_asks(serving: Serving) -> None:
    tokens = Tokens(serving.store, KEY)
    asked = Authentication("secret", tokens.user_of)
    node = f"Bearer {tokens.of_node('node-0')}"
    assert asked.user({}) is users.ANONYMOUS
    assert asked.user({"authorization": "Basic abc"}) is users.ANONYMOUS
    assert asked.user({"authorization": "bearer secret"}) is users.OWNER
    assert asked.user({"authorization": node}).node == "node-0"
    with pytest.raises(ApiError) as refused:
        asked.user({"authorization": "Bearer guessed"})
    assert refused.value.code == 401


def test_only_the_owner_asks_as_others(serving: Serving) -> None:
    tokens = Tokens(serving.store, KEY)
    asked = Authentication("secret", tokens.user_of)
    other = {"impersonate-user": "system:serviceaccount:shop:default"}
    assert asked.user({"authorization": "Bearer secret", **other}) == users.service_account("shop", "default")
    for own in ({}, {"authorization": f"Bearer {tokens.of_node('node-0')}"}):
        with pytest.raises(ApiError) as refused:
            asked.user({**own, **other})
        assert refused.value.code == 403
