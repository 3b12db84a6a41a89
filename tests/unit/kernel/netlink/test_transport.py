"""Netlink's attributes and batches, without a kernel."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.kernel.netlink.transport import NLA_F_NESTED, attribute, attributes, find, nested, text, u32


@given(st.dictionaries(st.integers(1, 0x3FFF), st.binary(max_size=70), max_size=8))
def test_what_is_packed_is_read_back(pairs: dict[int, bytes]) -> None:
    packed = b"".join(attribute(kind, payload) for kind, payload in pairs.items())
    assert len(packed) % 4 == 0
    assert {kind: bytes(payload) for kind, payload in attributes(packed).items()} == pairs
    assert {kind: bytes(find(b"head" + packed, kind, 4) or b"") for kind in pairs} == pairs
    assert find(packed, 0) is None


@given(st.binary(max_size=200))
def test_garbage_is_read_without_an_error(data: bytes) -> None:
    attributes(data)
    find(data, 0x3FFF)


def test_a_nested_attribute_is_marked_and_read_by_its_bare_kind() -> None:
    packed = nested(18, text(1, "vxlan"), u32(2, 4096))
    assert struct.unpack_from("=H", packed, 2) == (18 | NLA_F_NESTED,)
    inside = attributes(attributes(packed)[18])
    assert bytes(inside[1]) == b"vxlan\0"
    assert int.from_bytes(inside[2], "little") == 4096


@pytest.mark.parametrize("size", range(5))
def test_the_length_counts_the_head_and_not_the_padding(size: int) -> None:
    packed = attribute(7, b"x" * size)
    assert struct.unpack_from("=HH", packed) == (4 + size, 7)
    assert len(packed) == (4 + size + 3) // 4 * 4
