"""What programs in the lab may do beyond an ordinary user, within the lab's own namespaces (capabilities(7)).

None of them may mount, load modules or make devices. The lab's shell is the exception: `ip netns exec` mounts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from errno import EINVAL

from lab.kernel.syscalls import PR_CAPBSET_DROP, prctl

# linux/capability.h, in the order of their numbers.
NAMES = (
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
)

CONTAINER = (
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
)
"""What containerd and CRI-O give a container that asks for nothing, but for MKNOD."""

POD = (*CONTAINER, "NET_ADMIN")
"""What a person's command in a pod has: who looks into a pod's network changes it as well."""

NODE = (*POD, "IPC_LOCK", "NET_BROADCAST", "SYS_NICE")
"""What networking needs. The programs of a node's pods have less, so it may look at them without SYS_PTRACE, with which
it could take over what is on its way into its cell.
"""

SHELL = (*NODE, "SYS_ADMIN")
"""`ip netns exec` enters network namespaces and mounts in its own."""

_ALL = "ALL"
GRANTED = frozenset((*NODE, "LEASE", "SYS_RESOURCE"))
"""What a manifest may add. With others a program could leave its cell, or they count for the machine's root only."""


def of(added: Collection[str], dropped: Collection[str]) -> tuple[str, ...]:
    """Those of a program whose securityContext adds and drops these."""
    found = set() if _ALL in dropped else set(CONTAINER) - set(dropped)
    return tuple(sorted(found | (GRANTED if _ALL in added else GRANTED & set(added))))


MOST = 64
"""So many there can be: they are bits of a word."""


def keep(names: Iterable[str]) -> None:
    """Let the calling process's programs have these and no others, for good: it loses them with its next exec.

    OSError on refusal.
    """
    kept = {NAMES.index(name) for name in names}
    for number in range(MOST):
        if number not in kept:
            try:
                prctl(PR_CAPBSET_DROP, number)
            except OSError as error:
                if error.errno == EINVAL:
                    return  # this kernel knows no more
                raise
