"""Objects as kubectl's `create` sends them from 1.32 on: protobuf, read by the tables of lab.api.schema.

The body is `k8s`, a zero byte, and a message Unknown: 1 is {1: apiVersion, 2: kind}, 2 the object's own bytes.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from lab.api.errors import ApiError, bad_request
from lab.api.resources import BY_KIND
from lab.api.schema.messages import Field, Message, message

Json = dict[str, Any]

MAGIC = b"k8s\0"

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DEEPEST = 64


def decode(body: bytes) -> Json:
    """The object as JSON has it: zero values of fields that cannot be absent are left out. ApiError 400 if it cannot be
    read, or is of a kind that is not served.
    """
    if not body.startswith(MAGIC):
        raise bad_request("the body is no Kubernetes protobuf: it does not start with k8s and a zero byte")
    try:
        envelope = _values(body[len(MAGIC) :])
        about = _values(_bytes(envelope.get(1, [b""])[-1]))
        version, kind = (_text(about.get(number, [b""])[-1]) for number in (1, 2))
        raw = _bytes(envelope.get(2, [b""])[-1])
        read = _message(_known(version, kind), raw, 0)
    except (ValueError, IndexError, OverflowError, RecursionError) as error:
        raise bad_request(f"the protobuf body cannot be read: {error}") from error
    return {"apiVersion": version, "kind": kind, **read}


def _known(version: str, kind: str) -> Message:
    resource = BY_KIND.get((version, kind))
    try:
        return message(resource.message if resource else kind)
    except KeyError:
        raise ApiError(400, "BadRequest", f'no kind "{kind}" is registered for version "{version}"') from None


def _message(schema: Message, raw: bytes, depth: int) -> Json:
    if depth > _DEEPEST:
        raise ValueError("it is too deep")
    read: Json = {}
    for number, values in _values(raw).items():
        field = schema.by_number.get(number)
        if field is None:
            continue  # a field of a later Kubernetes: nobody here would act upon it
        if field.inline:
            read |= _message(field.message, _bytes(values[-1]), depth + 1)
        elif field.shape == "list":
            read[field.name] = [_value(field, value, depth) for value in values]
        elif field.shape == "map":
            read[field.name] = dict(_entry(field, _bytes(value), depth) for value in values)
        else:
            value = _value(field, values[-1], depth)
            if field.pointer or value not in _ZERO:
                read[field.name] = value
    return read


_ZERO: tuple[object, ...] = (0, "", False, None, {}, [])


def _entry(field: Field, raw: bytes, depth: int) -> tuple[str, Any]:
    pair = _values(raw)
    return _text(pair.get(1, [b""])[-1]), _value(field, pair.get(2, [b""])[-1], depth)


def _value(field: Field, value: int | bytes, depth: int) -> Any:  # noqa: ANN401 JSON is of any type
    if field.type in ("int32", "int64"):
        return _number(value)
    if field.type == "bool":
        return bool(_number(value))
    if field.type == "string":
        return _text(value)
    if field.type == "bytes":
        return b64encode(_bytes(value)).decode()
    if field.is_message:
        return _message(field.message, _bytes(value), depth + 1)
    return _SPECIAL[field.type](_values(_bytes(value)))


Values = dict[int, list[int | bytes]]


def _quantity(values: Values) -> str:
    return _text(values.get(1, [b""])[-1])


def _int_or_string(values: Values) -> int | str:
    if _number(values.get(1, [0])[-1]):
        return _text(values.get(3, [b""])[-1])
    return _number(values.get(2, [0])[-1])


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _moment(values: Values) -> datetime | None:
    if not values:
        return None
    return _EPOCH + timedelta(
        seconds=_number(values.get(1, [0])[-1]), microseconds=_number(values.get(2, [0])[-1]) // 1000
    )


def _time(values: Values) -> str | None:
    moment = _moment(values)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else None


def _micro_time(values: Values) -> str | None:
    moment = _moment(values)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}" if moment else None


def _fields_v1(values: Values) -> Any:  # noqa: ANN401 JSON inside
    return json.loads(_bytes(values.get(1, [b"{}"])[-1]))


_SPECIAL = {
    "Quantity": _quantity,
    "IntOrString": _int_or_string,
    "Time": _time,
    "MicroTime": _micro_time,
    "FieldsV1": _fields_v1,
}


def _values(raw: bytes) -> Values:
    """What stands under each field number, in order."""
    found: Values = {}
    for number, value in _walk(raw):
        found.setdefault(number, []).append(value)
    return found


def _walk(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(raw, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _varint(raw, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire} is not known")
        if at + size > len(raw):
            raise ValueError("it ends too early")
        yield number, raw[at : at + size]
        at += size


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """The number and where the next thing starts."""
    value = shift = 0
    while shift < 70:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number is too long")


def _number(value: int | bytes) -> int:
    """Two's complement of 64 bits, also for 32."""
    if isinstance(value, bytes):
        raise ValueError("bytes where a number should be")
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where bytes should be")
    return value


def _text(value: int | bytes) -> str:
    return _bytes(value).decode()
