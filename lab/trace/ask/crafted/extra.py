"""That scapy is there: it comes with an extra of its own, for it is 24 MB and 0.2 s at every import."""

from __future__ import annotations

import importlib.util
import logging

from lab.errors import MachineError


def require_scapy() -> None:
    """MachineError, with how to get it, where scapy is not installed. Afterwards it may be imported, and says nothing
    about this machine's own interfaces, which are none of a lab's.
    """
    if importlib.util.find_spec("scapy") is None:
        raise MachineError("packets in scapy's words need scapy, which is not installed", "pip install 'hoplab[scapy]'")
    logging.getLogger("scapy").setLevel(logging.ERROR)
