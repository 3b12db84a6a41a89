"""A list of nftables' objects is read while somebody changes them."""

from __future__ import annotations

import subprocess
import threading

from lab.kernel.netfilter import SUBSYSTEM_NFTABLES, UNSPECIFIED, Message, NetfilterSocket
from tests.integration.sandboxed import sandboxed

GETCHAIN = SUBSYSTEM_NFTABLES << 8 | 4
CHAINS = 3000  # more than one answer of the kernel holds
STANDING = "add table ip standing\n" + "".join(f"add chain ip standing c{n}\n" for n in range(CHAINS))
CHANGING = "add table ip passing; add chain ip passing c; delete table ip passing\n" * 200


@sandboxed
def test_a_list_is_of_one_moment() -> None:
    subprocess.run(["nft", "-f", "-"], input=STANDING, text=True, check=True)
    ended = threading.Event()

    def change() -> None:
        while not ended.is_set():
            subprocess.run(["nft", "-i"], input=CHANGING, text=True, capture_output=True, check=False)

    changing = threading.Thread(target=change)
    changing.start()
    try:
        with NetfilterSocket() as netfilter:
            for _ in range(50):
                found = list(netfilter.dump(Message(GETCHAIN, family=UNSPECIFIED)))
                assert len(found) in (CHAINS, CHAINS + 1), "what stands, and what comes and goes or not"
    finally:
        ended.set()
        changing.join()
