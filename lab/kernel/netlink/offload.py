"""Segmentation and its undoing on a device (ethtool -K DEV tso … gso … gro …), by the ioctl that ethtool(8) uses.

A super-frame, as TCP hands it to a veth, passes links that no packet of its size could pass: the kernel looks at the
MTU of the path only where it cuts it. With offload off it is cut before the device, as on a wire.
"""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct
from collections.abc import Iterable, Iterator

from lab.network.objects import Offload

SIOCETHTOOL = 0x8946
# Commands of linux/ethtool.h: to read, and to write.
_TSO, _GSO, _GRO = (0x1E, 0x1F), (0x23, 0x24), (0x2B, 0x2C)
_VALUE = struct.Struct("=II")  # command, value
_REQUEST = struct.Struct("=16sQ16x")  # struct ifreq: the device, where the value is


def switch_off(item: Offload) -> None:
    """In the calling thread's namespace. OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as to_kernel:
        for _, write in (_GRO, _TSO, _GSO):
            _ask(to_kernel, item.device, write, 0)


def switch_on(item: Offload) -> None:
    """TSO and GSO as a veth is born with them. OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as to_kernel:
        for _, write in (_GSO, _TSO):
            _ask(to_kernel, item.device, write, 1)


def read(items: Iterable[Offload]) -> Iterator[Offload]:
    """Those whose device is so, in the calling thread's namespace; a device that is not there is not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as to_kernel:
        for item in items:
            try:
                on = [_ask(to_kernel, item.device, asked, 0) for asked, _ in (_TSO, _GSO, _GRO)]
            except OSError:
                continue
            if not any(on):
                yield item


def _ask(to_kernel: socket.socket, device: str, command: int, value: int) -> int:
    held = ctypes.create_string_buffer(_VALUE.pack(command, value), _VALUE.size)
    fcntl.ioctl(to_kernel, SIOCETHTOOL, _REQUEST.pack(device.encode(), ctypes.addressof(held)))
    _, answer = _VALUE.unpack(held.raw)
    return int(answer)
