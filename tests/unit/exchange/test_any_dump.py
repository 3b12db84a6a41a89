"""Dumps in which anything stands anywhere: a lab comes of them, or a refusal, and never a defect of ours."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.errors import HoplabError
from lab.exchange.importing.collection.archive import Collected, collected
from lab.exchange.importing.importing import imported
from lab.exchange.importing.surroundings.selection import Asked
from tests.unit.exchange.samples import k3s, kubeadm_calico, kubeadm_flannel

TIMES = 40
ODD: tuple[Any, ...] = (
    *(None, True, -1, 2**70, 3.5, "", "x", "\0", "../..", "a" * 400, [], {}, [1], {"a": 1}, [[]], ["x"]),
    *("10.0.0.1/99", "::1", "1.2.3.4", "\u202e\n- x: y"),
)


def paths(value: object, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    if isinstance(value, dict):
        for key in value:
            yield from paths(value[key], (*at, key))
    elif isinstance(value, list):
        for i in range(len(value)):
            yield from paths(value[i], (*at, i))


def spoilt(data: bytes, drawn: random.Random) -> bytes:
    """JSON with something else in one place, anything else with other bytes."""
    try:
        value = json.loads(data)
    except ValueError:
        raw = bytearray(data)
        for _ in range(3 if raw else 0):
            raw[drawn.randrange(len(raw))] = drawn.randrange(256)
        return bytes(raw)
    if not (found := [*paths(value)]):
        return b"[]"
    *before, last = drawn.choice(found)
    inside = value
    for part in before:
        inside = inside[part]
    inside[last] = copy.deepcopy(drawn.choice(ODD))
    return json.dumps(value).encode()


@pytest.mark.parametrize("make", [kubeadm_calico, kubeadm_flannel, k3s])
def test_a_lab_or_a_refusal_comes_of_any_dump(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path)
    base = collected([str(tmp_path)])
    labs = 0
    for seed in range(TIMES):
        drawn = random.Random(seed)
        archives = [Collected(one.origin, one.folder, dict(one.files)) for one in base]
        files = drawn.choice(archives).files
        file = drawn.choice([*files])
        files[file] = spoilt(files[file], drawn)
        try:
            imported(archives, "x", Asked(around=drawn.choice(("", "shop/cart"))), drawn.choice((b"", b"key")))
            labs += 1
        except HoplabError:
            continue
        except Exception as error:
            raise AssertionError(f"seed {seed}: {file}") from error
    assert labs > TIMES / 2, "most of it can be built all the same"
