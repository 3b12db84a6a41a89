"""Connections: strangers at the API's port who show no token, and frames of a WebSocket that make no sense."""

from __future__ import annotations

import base64
import random
import socket
import ssl
import struct
from contextlib import ExitStack, suppress

from bench.attack.kinds.attempt import Kind, Tried
from bench.attack.scene import Connection, Scene
from bench.attack.tally import DONE, REFUSED

AT_ONCE = 20
PATIENCE_SECONDS = 15.0
EXEC = "/api/v1/namespaces/namespace001/pods/pod-0/exec?command={}&stdin=true&stdout=true&stderr=true"
PROGRAMS = ("true", "cat", "sh&command=-c&command=read%20x", "no-such-program", "sleep&command=1")
OPCODES = (0, 1, 2, 3, 8, 9, 10, 15)
SWITCHED = b" 101 "


def try_strangers(scene: Scene, chance: random.Random) -> Tried:
    """Several at once: silent, talking nonsense, half a handshake, a whole one with half a request, a wrong token."""
    api = scene.api()
    manner = chance.choice(("silent", "noise", "half a handshake", "half a request", "wrong token", "reset"))
    answers: list[bytes] = []
    try:
        with ExitStack() as stack:
            made = [stack.enter_context(_plain(api)) for _ in range(chance.randint(1, AT_ONCE))]
            for one in made:
                answers.append(_stranger(one, manner, api, chance))
    except OSError as error:  # turned away is what they may be
        return REFUSED, f"{manner}: {error}"
    bad = [told for told in answers if b" 500 " in told[:20] or (told.startswith(b"HTTP") and b" 2" in told[:12])]
    return (f"answered {bad[0][:100]!r}" if bad else REFUSED), manner


def _plain(api: Connection) -> socket.socket:
    return socket.create_connection((api.host, api.port), timeout=PATIENCE_SECONDS)


def _stranger(one: socket.socket, manner: str, api: Connection, chance: random.Random) -> bytes:
    if manner == "noise":
        one.sendall(chance.randbytes(chance.randrange(1, 5000)))
    elif manner == "half a handshake":
        one.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(20))
    elif manner == "reset":
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif manner in ("half a request", "wrong token"):
        with _encrypted(one, api) as spoken:
            end = "" if manner == "half a request" else "\r\n\r\n"
            spoken.sendall(f"GET /api/v1/pods HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer no{end}".encode())
            return spoken.recv(4096) if end else b""
    return b""


def _encrypted(one: socket.socket, api: Connection) -> ssl.SSLSocket:
    return api.context.wrap_socket(one, server_hostname=api.host)


def try_frames(scene: Scene, chance: random.Random) -> Tried:
    """An exec over a WebSocket, and frames of any kind and length in it."""
    api = scene.api()
    sent = [_frame(chance) for _ in range(chance.randint(1, 6))]
    what = f"frames {sent!r}"[:600]
    try:
        with _encrypted(_plain(api), api) as spoken:
            key = base64.b64encode(chance.randbytes(16)).decode()
            spoken.sendall(
                f"GET {EXEC.format(chance.choice(PROGRAMS))} HTTP/1.1\r\nHost: {api.host}\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
                f"Sec-WebSocket-Protocol: v5.channel.k8s.io\r\nAuthorization: Bearer {api.token}\r\n\r\n".encode()
            )
            told = spoken.recv(4096)
            if SWITCHED not in told[:20]:
                return (f"not opened: {told[:200]!r}" if b" 5" in told[:12] else REFUSED), what
            with suppress(OSError):
                for frame in sent:
                    spoken.sendall(frame)
                spoken.settimeout(chance.choice((0.05, 0.3)))
                while spoken.recv(65536):
                    pass
    except OSError as error:
        return f"no answer: {error!r}", what
    return DONE, what


def _frame(chance: random.Random) -> bytes:
    """Masked or not, with a length that is said and another that is sent, and any flags."""
    payload = bytes([chance.choice((0, 1, 2, 3, 4, 255))]) + chance.randbytes(chance.choice((0, 1, 20, 126, 5000)))
    first = chance.choice((0x80, 0, 0xF0)) | chance.choice(OPCODES)
    masked = 0x80 if chance.random() < 0.8 else 0
    length = len(payload) if chance.random() < 0.8 else chance.choice((0, 1, 2**16, 2**62))
    if length < 126:
        head = bytes([first, masked | length])
    elif length < 2**16:
        head = bytes([first, masked | 126]) + struct.pack("!H", length)
    else:
        head = bytes([first, masked | 127]) + struct.pack("!Q", length)
    mask = chance.randbytes(4) if masked else b""
    return head + mask + bytes(one ^ mask[place % 4] if mask else one for place, one in enumerate(payload))


STRANGERS = Kind("strangers' connections", try_strangers, part=20)
FRAMES = Kind("WebSocket frames", try_frames)
