"""The real CoreDNS for `dns.server: coredns`: made once, by `./inv setup --coredns` or before the tests."""

from __future__ import annotations

import sys

from lab.errors import MachineError
from lab.kernel.host import coredns


def make() -> None:
    """Make the version that belongs here, unless it is there already. MachineError when Go is missing or fails."""
    found = coredns.find()
    wanted = coredns.VERSION.removeprefix("v")
    if found is None or coredns.version(found) != wanted:
        print(f"making CoreDNS {wanted} with {coredns.find_go() or 'Go'} (some minutes the first time)", flush=True)
        found = coredns.install()
    print(f"CoreDNS {wanted} is {found}")


def make_for_tests() -> None:
    """The same; where it cannot be made, the tests that need it are skipped, and this says why."""
    try:
        make()
    except MachineError as error:
        print(f"without the real CoreDNS: {error} ({error.hint})", file=sys.stderr)
