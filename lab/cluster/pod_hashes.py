"""Deployments to the names of their pods: NAME-HASH-SUFFIX, as the Deployment and ReplicaSet controllers name them."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from itertools import count, islice

# Kubernetes' safe alphabet: no vowels and nothing that looks like one, so that no words appear.
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def stable_hash(text: str, length: int) -> str:
    """`length` characters of Kubernetes' alphabet, the same for the same text everywhere and always."""
    number = int.from_bytes(blake2b(text.encode(), digest_size=12).digest())
    letters = []
    for _ in range(length):
        number, digit = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[digit])
    return "".join(letters)


def replica_set_hash(namespace: str, name: str) -> str:
    """The `pod-template-hash` of a Deployment. It does not follow the template: edited pods keep their names."""
    return stable_hash(f"{namespace}/{name}", 10)


def pod_names(namespace: str, name: str, replicas: int) -> list[str]:
    """The names of a Deployment's first pods, all different; the first N are the same whatever comes after."""
    return list(islice(names_of_pods(namespace, f"{name}-{replica_set_hash(namespace, name)}"), replicas))


def names_of_pods(namespace: str, replica_set: str) -> Iterator[str]:
    """The names that a ReplicaSet's pods have, in order, without end (until the suffixes are used up)."""
    names: set[str] = set()
    for index in count():
        text = f"{namespace}/{replica_set}/{index}"
        while (pod := f"{replica_set}-{stable_hash(text, 5)}") in names:
            text += "+"
        names.add(pod)
        yield pod
