"""In which form a client sends objects and wants them back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from lab.api.errors import ApiError, bad_request
from lab.api.http import protobuf
from lab.api.http.bodies import from_json, from_yaml, require_small
from lab.errors import FileError

Json = dict[str, Any]
Form = Literal["Object", "Table", "Metadata"]

PROTOBUF = "application/vnd.kubernetes.protobuf"
_JSON = ("application/json", "application/*", "*/*")
_YAML = ("application/yaml", "text/yaml")
_META = "meta.k8s.io"


def form_of(accept: str) -> Form:
    """What the client likes best of what there is. ApiError 406."""
    for kind, parameters in _ranges(accept):
        if kind not in _JSON:
            continue
        wanted = parameters.get("as", "")
        if not wanted:
            return "Object"
        if (parameters.get("g"), parameters.get("v")) != (_META, "v1"):
            continue
        if wanted == "Table":
            return "Table"
        if wanted in ("PartialObjectMetadata", "PartialObjectMetadataList"):
            return "Metadata"
    raise ApiError(406, "NotAcceptable", "only the following media types are accepted: application/json")


def wants(accept: str, content_type: str) -> bool:
    """Whether the client takes that very type, parameters and all."""
    wanted = next(_ranges(content_type))
    return any(one == wanted for one in _ranges(accept))


def body_of(content_type: str, body: bytes) -> Json:
    """The object that was sent; without a content type it is JSON. ApiError 400, 413, 415."""
    require_small(len(body))
    kind = next(_ranges(content_type))[0]
    if kind == PROTOBUF:
        return protobuf.decode(body)
    if kind in _YAML:
        return _object(_from_yaml(body))
    if kind not in _JSON:
        accepted = f"{_JSON[0]}, {_YAML[0]}, {PROTOBUF}"
        told = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
        raise ApiError(415, "UnsupportedMediaType", told)
    try:
        return _object(from_json(body))
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the object provided is unrecognized: this is not JSON: {error}") from None


def _ranges(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The media types of a header with their parameters, the best liked first; anything for an empty header."""
    found: list[tuple[float, str, dict[str, str]]] = []
    for part in text.split(","):
        kind, *rest = (one.strip() for one in part.split(";"))
        pairs = {name.strip(): value.strip().strip('"') for name, _, value in (one.partition("=") for one in rest)}
        weight = pairs.pop("q", "1")
        pairs.pop("charset", None)
        found.append((-_weight(weight), kind.lower() or "*/*", pairs))
    for _, kind, pairs in sorted(found, key=lambda one: one[0]):
        yield kind, pairs


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


def _object(value: object) -> Json:
    if not isinstance(value, dict):
        raise bad_request("the object provided is unrecognized: it is not an object")
    return value


def _from_yaml(body: bytes) -> object:
    try:
        documents = from_yaml(body.decode())
    except (FileError, UnicodeDecodeError) as error:
        raise bad_request(f"the object provided is unrecognized: {error}") from None
    return documents[0] if len(documents) == 1 else None
