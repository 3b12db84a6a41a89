"""System calls that programs in places do not have: those of the kernel's keys (keyrings(7)).

There are no namespaces of keys. A program's session keyring is that of whoever has started it, however far away it is
from them, and with it what they keep there; and the keys of a user are those of their labs' programs.
"""

from __future__ import annotations

import os
import struct
from errno import EINVAL, ENOSYS

from lab.kernel.syscalls import seccomp

# linux/audit.h, and the numbers of add_key, request_key and keyctl there: the machine's own first, then those of the
# programs of 32 bits that it runs as well.
_ARM64 = ((0xC00000B7, (217, 218, 219)), (0x40000028, (309, 310, 311)))
_X86 = ((0xC000003E, (248, 249, 250)), (0x40000003, (286, 287, 288)))
_CALLS = {
    "x86_64": _X86,
    "aarch64": _ARM64,
    "riscv64": ((0xC00000F3, (217, 218, 219)),),
    "ppc64le": ((0xC0000015, (269, 270, 271)),),
    "s390x": ((0x80000016, (278, 279, 280)),),
}
KEYCTL = _CALLS[os.uname().machine][0][1][-1] if os.uname().machine in _CALLS else None
"""The number of keyctl of this machine's own programs; None where it is not known here."""
_X32 = 0x40000000  # in the number of a call of x86_64's programs with short pointers

# linux/bpf_common.h, linux/seccomp.h
_LOAD, _AND, _IF_EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
_NUMBER, _ARCHITECTURE = 0, 4  # in struct seccomp_data
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | ENOSYS


def program(machine: str) -> bytes:
    """The filter for programs of such a machine; b"" for one whose numbers are not known here."""
    found = b""
    for architecture, numbers in _CALLS.get(machine, ()):
        # One that is among the numbers goes past the others and what allows.
        asked = [_step(_IF_EQUAL, number, len(numbers) - at) for at, number in enumerate(numbers)]
        verdicts = [_step(_RETURN, _ALLOW), _step(_RETURN, _REFUSE)]
        body = [_step(_LOAD, _NUMBER), _step(_AND, ~_X32 & 0xFFFFFFFF), *asked, *verdicts]
        found += _step(_LOAD, _ARCHITECTURE) + _step(_IF_EQUAL, architecture, 0, len(body)) + b"".join(body)
    return found and found + _step(_RETURN, _ALLOW)


def give_up() -> None:
    """From now on the calling process and its programs have none of them: as if this kernel had no keys. It has
    SYS_ADMIN in its user namespace. OSError on refusal.
    """
    made = program(os.uname().machine)
    if made:
        try:
            seccomp(made)
        except OSError as error:
            if error.errno != EINVAL:  # a kernel without filters
                raise


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)
