"""Frames survive whatever pieces the line gives them in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import LabError
from lab.vm.frames import Decoder, Frame, Kind, credit

FRAMES = st.builds(Frame, st.integers(0, 2**32 - 1), st.sampled_from(Kind), st.binary(max_size=300))


@given(st.lists(FRAMES, max_size=8), st.lists(st.integers(1, 40), min_size=1))
def test_what_was_sent_is_what_arrives(sent: list[Frame], sizes: list[int]) -> None:
    line = b"".join(frame.encoded() for frame in sent)
    decoder, arrived, at = Decoder(), list[Frame](), 0
    while at < len(line):
        size = sizes[at % len(sizes)]
        arrived += decoder.feed(line[at : at + size])
        at += size

    assert arrived == sent


def test_a_credit_is_its_number() -> None:
    assert int.from_bytes(credit(3, 70_000).data) == 70_000


@pytest.mark.parametrize("garbage", [b"\0\0\0\1\xff\0\0\0\0", b"\0\0\0\1\2\xff\xff\xff\xff"], ids=["kind", "length"])
def test_garbage_is_refused_and_not_waited_for(garbage: bytes) -> None:
    with pytest.raises(LabError, match="nobody has sent"):
        list(Decoder().feed(garbage))
