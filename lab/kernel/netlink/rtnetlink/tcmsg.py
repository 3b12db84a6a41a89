"""How queueing disciplines are asked for (rtnetlink.h): kinds of messages, their header, and what is usual."""

from __future__ import annotations

import struct

RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC = 36, 37, 38
HEADER = struct.Struct("=BxxxiIII")  # struct tcmsg: family, ifindex, handle, parent, info
TCA_KIND, TCA_OPTIONS = 1, 2
ROOT = 0xFFFFFFFF
USUAL = ("noqueue", "pfifo_fast", "fq_codel", "mq", "fq")
"""What the kernel gives devices by itself."""
