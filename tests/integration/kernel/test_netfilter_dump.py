"""A list of nftables' objects is read while somebody changes them."""

from __future__ import annotations

import subprocess
import threading

from lab.kernel.netlink.netfilter import SUBSYSTEM_NFTABLES, UNSPECIFIED, Message, NetfilterSocket
from tests.integration.sandboxed import sandboxed

GETCHAIN = SUBSYSTEM_NFTABLES << 8 | 4
CHAINS = 3000  # more than one answer of the kernel holds
STANDING = "add table ip standing\n" + "".join(f"add chain ip standing c{n}\n" for n in range(CHAINS))
MOVES = "".join(f"delete chain ip standing c{n}; add chain ip standing c{n}\n" for n in range(100))  # to the list's end
BURSTS = 5


@sandboxed
def test_a_list_is_of_one_moment() -> None:
    subprocess.run(["nft", "-f", "-"], input=STANDING, text=True, check=True)
    with NetfilterSocket() as netfilter:
        for _ in range(BURSTS):
            changing = threading.Thread(
                target=subprocess.run,
                args=(["nft", "-i"],),
                kwargs={"input": MOVES, "text": True, "capture_output": True},
            )
            changing.start()
            while changing.is_alive():
                found = list(netfilter.dump(Message(GETCHAIN, family=UNSPECIFIED)))
                assert len(found) == CHAINS, "each move is a transaction: at no moment there are fewer, or more"
            changing.join()
