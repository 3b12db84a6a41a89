"""The OCI bundle of a DNS pod: a root file system made of the machine's own programs, and what the runtime is told.

The machine's /usr is bound read-only; /etc is the bundle's own, with root as the only user. The container has its own
mount, PID, IPC and UTS namespaces and enters the pod's network namespace; it stays in the sandbox's user namespace.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from types import MappingProxyType

from lab.network.objects import File, Object, Symlink
from lab.network.place_names import netns_name

BUNDLES = "/run/hoplab"
STATES = "/run/crun"
# The lab has no cgroups to manage. An ordinary user's crun would keep its state in the host's XDG_RUNTIME_DIR.
RUNTIME = ("crun", "--cgroup-manager=disabled", f"--root={STATES}")
NETNS = "/run/netns"
NOTHING: Mapping[str, str] = MappingProxyType({})

# As every distribution has them since /bin, /sbin and /lib moved into /usr; one that points nowhere does no harm.
_SYMLINKS = ("bin", "sbin", "lib", "lib64")
_PASSWD = "root:x:0:0:root:/:/usr/sbin/nologin\n"  # noqa: S105  a file's content, no secret
# Without a group for root: dnsmasq would change into it, which an ordinary user's sandbox does not allow.
_GROUP = "nogroup:x:65534:\n"
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LC_ALL": "C"}
_CAPABILITIES = ["CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW"]
_READ_ONLY = ["bind", "ro", "nosuid", "nodev"]


def bundle_folder(place: str) -> str:
    """The bundle's folder, which has config.json and rootfs/."""
    return f"{BUNDLES}/{netns_name(place)}"


def bundle(
    place: str,
    hostname: str,
    argv: tuple[str, ...],
    files: Mapping[str, str],
    programs: Mapping[str, str] = NOTHING,
    environment: Mapping[str, str] = NOTHING,
) -> Iterator[Object]:
    """The files of a bundle that runs `argv` in a place; `files` are further ones, by their path inside.

    `programs` are files of the machine that are shown inside, by their path there.
    """
    folder = bundle_folder(place)
    intent = f"container of {place}"
    for name in _SYMLINKS:
        yield Symlink(place, f"{folder}/rootfs/{name}", f"usr/{name}", intent)
    for path, content in {"/etc/passwd": _PASSWD, "/etc/group": _GROUP, **files}.items():
        yield File(place, f"{folder}/rootfs{path}", content, intent)
    yield File(place, f"{folder}/config.json", config(place, hostname, argv, programs, environment), intent)


def run_command(place: str, name: str = "") -> tuple[str, ...]:
    """What starts the container and stays with it until it ends. It is called as its place, or by this name."""
    return (*RUNTIME, "run", "--bundle", bundle_folder(place), name or netns_name(place))


def signal_command(place: str, signal: str) -> tuple[str, ...]:
    """What sends a signal to the program in the container."""
    return (*RUNTIME, "kill", netns_name(place), signal)


def digest(items: Iterable[Object]) -> str:
    """A short digest of what stands in these files, by which a program's start tells whether it read the same."""
    content = "".join(item.content for item in items if isinstance(item, File))
    return sha256(content.encode()).hexdigest()[:16]


def config(
    place: str,
    hostname: str,
    argv: tuple[str, ...],
    programs: Mapping[str, str] = NOTHING,
    environment: Mapping[str, str] = NOTHING,
) -> str:
    """config.json (OCI runtime specification 1.0)."""
    granted = dict.fromkeys(("bounding", "effective", "permitted"), _CAPABILITIES)
    told = {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": list(argv),
            "env": [f"{name}={value}" for name, value in {**_ENVIRONMENT, **environment}.items()],
            "cwd": "/",
            "capabilities": granted,
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": hostname,
        "mounts": [
            _shown("/usr", "/usr"),
            *(_shown(inside, outside) for inside, outside in programs.items()),
            {"destination": "/proc", "type": "proc", "source": "proc"},
            _tmpfs("/dev", "mode=755", "size=64k"),
            _tmpfs("/run", "mode=755", "size=1m"),
            _tmpfs("/tmp", "mode=1777", "size=1m"),  # noqa: S108  the container's own
        ],
        "linux": {
            "namespaces": [
                *({"type": kind} for kind in ("pid", "ipc", "uts", "mount")),
                {"type": "network", "path": f"{NETNS}/{netns_name(place)}"},
            ],
            "maskedPaths": ["/proc/kcore", "/proc/sysrq-trigger"],
            "readonlyPaths": ["/proc/sys"],
        },
    }
    return json.dumps(told, indent=1) + "\n"


def _shown(destination: str, source: str) -> dict[str, object]:
    return {"destination": destination, "type": "bind", "source": source, "options": _READ_ONLY}


def _tmpfs(destination: str, *options: str) -> dict[str, object]:
    return {"destination": destination, "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", *options]}
