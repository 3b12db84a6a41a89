"""Hostile programs in places: what takes all it can get, breaks all it can reach, or looks for a way out.

Each is bounded by itself as well: where a machine has no limit to give, it is none of the attack's to go without.
"""

from __future__ import annotations

import os
import random
import subprocess

from bench.attack.kinds.attempt import Kind, Tried
from bench.attack.scene import PIDS, Scene
from bench.attack.tally import DONE

PLACES = ("pod-0", "pod-3", "node-0", "router", "internet", "underlay")
SECONDS = 8.0
ENDED_SECONDS = 30.0

_HOARD = "import sys; x = []\nwhile len(x) < 2000: x.append(bytearray(1 << 20))"
_FILES = "for n in range(20000): open(f'/tmp/{n}', 'w').close()"
_SOCKETS = "import socket; held = [socket.socket() for n in range(5000)]"
_TRACED = (
    "import ctypes, os\nlibc = ctypes.CDLL(None)\n"
    "for pid in filter(str.isdecimal, os.listdir('/proc')): libc.ptrace(16, int(pid), 0, 0)"
)
_KNOCKS = (
    "import socket\nheld = []\nfor n in range(600):\n"
    "    try: held.append(socket.create_connection(('172.16.0.1', 443), 1))\n    except OSError: pass"
)
PROGRAMS = {
    "forks without end": ("sh", "-c", "b() { b | b & }; b; sleep 4"),
    "holds all memory": ("sh", "-c", 'ulimit -v 2500000; exec python3 -c "$0"', _HOARD),
    "fills every folder": (
        "sh",
        "-c",
        "for f in /tmp /root /run /dev/shm /etc /var/tmp; do cat /dev/zero > $f/full; done",
    ),
    "makes many files": ("python3", "-c", _FILES),
    "never rests": ("sh", "-c", "for n in 1 2 3 4; do timeout 4 sh -c 'while :; do :; done' & done; wait"),
    "kills everybody": ("sh", "-c", "kill -9 1; kill -TERM 1; kill -9 -1"),
    "removes everything": ("sh", "-c", "rm -rf --no-preserve-root / 2>&1 | tail -1"),
    "writes every setting": (
        "sh",
        "-c",
        "for f in $(find /proc/sys /sys/kernel /sys/module -type f -perm -200 2>/dev/null | grep -v /proc/sys/net);"
        " do echo 1 > $f; done 2>/dev/null",
    ),
    "mounts": ("sh", "-c", "for d in /usr /etc /proc /sys /opt; do umount -l $d; mount -o remount,rw $d; done"),
    "is root of another user namespace": (
        "unshare",
        "-Urmn",
        "sh",
        "-c",
        "mount -t tmpfs x /mnt; umount -l /usr; mount -o remount,rw,bind /opt; echo x > /opt/x; ip link add type veth",
    ),
    "reads all processes": (
        "sh",
        "-c",
        "cat /proc/*/environ /proc/*/maps; ls -lR /proc/*/fd /proc/*/root/run >/dev/null",
    ),
    "traces all processes": ("python3", "-c", _TRACED),
    "makes devices": ("sh", "-c", "mknod /tmp/d b 254 0; mknod /tmp/m c 1 1; cat /tmp/d | head -c 100"),
    "tears down the network": (
        "sh",
        "-c",
        "iptables -F; nft flush ruleset; ip route flush table all; ip link del eth0",
    ),
    "opens many sockets": ("python3", "-c", _SOCKETS),
    "knocks at the API": ("python3", "-c", _KNOCKS),
    "leaves something running": ("sh", "-c", "for n in 1 2 3; do setsid sleep 1000 & done"),
}


def try_program(scene: Scene, chance: random.Random) -> Tried:
    """One in a place; it ends by itself, by a limit, or with whoever gave the command."""
    name = chance.choice(sorted(PROGRAMS))
    place = chance.choice(PLACES)
    what = f"{place}: {name}"
    if name == "forks without end" and not _is_bounded(scene, place):
        return DONE, f"{what}: not without a limit"
    running = scene.begin("exec", place, "--", *PROGRAMS[name])
    with running:
        try:
            running.wait(SECONDS)
        except subprocess.TimeoutExpired:
            running.terminate()
            try:
                running.wait(ENDED_SECONDS)
            except subprocess.TimeoutExpired:
                running.kill()
                return "cannot be ended", what
        told = _said(running)
    if "Traceback (most recent call last)" in told and 'File "/' in told.replace('File "/usr/', ""):
        return f"ends with a traceback of ours: {told[-600:]}", what
    if not scene.stands():
        return "it has ended the lab", what
    return DONE, what


def _said(running: subprocess.Popen[bytes]) -> str:
    """What it has said of errors so far: what it has left running may hold the pipe open."""
    assert running.stderr is not None
    os.set_blocking(running.stderr.fileno(), False)
    return (running.stderr.read() or b"").decode(errors="replace")


def _is_bounded(scene: Scene, place: str) -> bool:
    return scene.command("exec", place, "--", "cat", "/proc/sys/kernel/pid_max").out.strip() == str(PIDS)


HOSTILE = Kind("hostile programs", try_program, part=2, checked=1)
