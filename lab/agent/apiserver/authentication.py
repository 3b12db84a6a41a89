"""From what a request shows to who asks. Source: kube-apiserver's authentication, its impersonation included."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence

from lab.api.errors import ApiError
from lab.api.http import users
from lab.api.http.users import User

AS_USER, AS_GROUP = "impersonate-user", "impersonate-group"


class Authentication:
    """`owner` is the token in the lab's kubeconfig, `user_of` gives whose another one is."""

    def __init__(self, owner: str, user_of: Callable[[str], User | None]) -> None:
        self._owner = owner.encode()
        self._user_of = user_of

    def user(self, headers: Mapping[str, str], groups: Sequence[str] = ()) -> User:
        """Anonymous without a token. ApiError 401 for a token that is nobody's, 403 for who may not ask as another.

        `groups` are those that it asks to be in as another.
        """
        own = self._own(headers.get("authorization", ""))
        wanted = headers.get(AS_USER, "")
        if not wanted and not groups:
            return own
        if users.MASTERS not in own.groups:
            why = f'User "{own.name}" cannot impersonate resource "users" in API group "" at the cluster scope'
            raise ApiError(403, "Forbidden", f'users "{wanted}" is forbidden: {why}', {"name": wanted, "kind": "users"})
        if not wanted:
            raise ApiError(400, "BadRequest", f"requested {list(groups)} without impersonating a user")
        return users.named(wanted, tuple(groups))

    def _own(self, shown: str) -> User:
        scheme, _, token = shown.strip().partition(" ")
        if scheme.lower() != "bearer":
            return users.ANONYMOUS
        token = token.strip()
        if hmac.compare_digest(token.encode(), self._owner):
            return users.OWNER
        found = self._user_of(token)
        if found is None:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        return found
