"""What the API answers when it refuses: a Status, whose `reason` clients act upon."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.api.resources import Resource


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is wrong with an object. `reason` is the API's word for its kind: FieldValueRequired, …Invalid,
    …Duplicate, …NotSupported, …Forbidden, …NotFound, …TooLong.
    """

    field: str
    message: str
    reason: str = "FieldValueInvalid"


class ApiError(Exception):
    """A refusal with its HTTP status. `str()` is the message."""

    def __init__(self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = dict(details or {})

    def status(self) -> dict[str, Any]:
        """The Status object that is sent."""
        told = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message}
        return {**told, "reason": self.reason, "details": self.details, "code": self.code}


def _details(resource: Resource, name: str) -> dict[str, Any]:
    group = {"group": resource.group} if resource.group else {}
    return {"name": name, **group, "kind": resource.plural}


def not_found(resource: Resource, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{resource.qualified} "{name}" not found', _details(resource, name))


def already_exists(resource: Resource, name: str) -> ApiError:
    told = f'{resource.qualified} "{name}" already exists'
    return ApiError(409, "AlreadyExists", told, _details(resource, name))


def conflict(resource: Resource, name: str, why: str = "") -> ApiError:
    """Somebody else has changed the object since it was read."""
    changed = "the object has been modified; please apply your changes to the latest version and try again"
    told = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why or changed}'
    return ApiError(409, "Conflict", told, _details(resource, name))


def invalid(resource: Resource, name: str, causes: Iterable[Cause]) -> ApiError:
    """The object cannot be right: every cause with the path of its field."""
    found = tuple(causes)
    lines = [f"{cause.field}: {cause.message}" for cause in found]
    told = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    group = f".{resource.group}" if resource.group else ""
    details = _details(resource, name) | {
        "kind": resource.kind,
        "causes": [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in found],
    }
    return ApiError(422, "Invalid", f'{resource.kind}{group} "{name}" is invalid: {told}', details)


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def too_large(why: str) -> ApiError:
    """More than there may be of something: `limit is …`, in kube-apiserver's words."""
    return ApiError(413, "RequestEntityTooLarge", f"Request entity too large: {why}")


def forbidden(resource: Resource, name: str, why: str) -> ApiError:
    told = f'{resource.qualified} "{name}" is forbidden: {why}'
    return ApiError(403, "Forbidden", told, _details(resource, name))


def expired(message: str) -> ApiError:
    """The client must list anew: what it asks for is no longer, or not yet, remembered."""
    return ApiError(410, "Expired", message)
