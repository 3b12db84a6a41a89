"""A client that knows nothing of the lab: plain sockets, the machine's own resolver. It runs inside of a pod.

    python3 client.py HOST PORT PROTOCOL SIZE TRIES SECONDS

Looks the host up several times at once, and prints how often that was answered. Then it asks so many times at once, and
prints a line for each: the first word of the answer, or `-`.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
import time
from contextlib import suppress
from threading import Thread

NOTHING = "-"
LOOKUPS = 8  # each asks one of the DNS servers, and goes on asking it


def resolved(host: str, times: int) -> list[str]:
    """The host's address, looked up so often at once; "" where the resolver knew none. An address is its own."""
    if host.replace(".", "").isdecimal():
        return [host]
    found = [""] * times

    def look_up(number: int) -> None:
        with suppress(socket.gaierror):
            found[number] = str(socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)[0][4][0])

    threads = [Thread(target=look_up, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def begun(protocol: str, address: str, port: int, size: int, number: int) -> socket.socket | None:
    """A socket on which a question was asked, or is about to be; None when the machine itself refuses."""
    kinds = {
        "tcp": (socket.SOCK_STREAM, 0),
        "udp": (socket.SOCK_DGRAM, 0),
        "icmp": (socket.SOCK_RAW, socket.IPPROTO_ICMP),
    }
    sock = socket.socket(socket.AF_INET, *kinds[protocol])
    sock.setblocking(False)
    try:
        sock.connect((address, port))
        if protocol != "tcp":
            sock.send(echo(number) if protocol == "icmp" else b"x" * max(size, 1))
    except BlockingIOError:
        return sock
    except OSError:
        sock.close()
        return None
    return sock


def echo(number: int) -> bytes:
    """An ICMP echo request whose identifier is our process and the number."""
    head = struct.pack("!BBHHH", 8, 0, 0, identifier(number), 1)
    total = sum(struct.unpack("!4H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:2] + struct.pack("!H", ~total & 0xFFFF) + head[4:]


def identifier(number: int) -> int:
    return (os.getpid() + number) & 0xFFFF


def said(protocol: str, data: bytes, number: int) -> str:
    """The first word of an answer, "" for what is none."""
    if protocol == "icmp":
        at = (data[0] & 15) * 4
        kind, ident = data[at], struct.unpack_from("!H", data, at + 4)[0]
        return "echo" if kind == 0 and ident == identifier(number) else ""
    body = data.partition(b"\r\n\r\n")[2] if protocol == "tcp" else data
    words = body.split()
    return words[0].decode(errors="replace") if words else ""


def ask(protocol: str, address: str, port: int, size: int, tries: int, seconds: float) -> list[str]:
    """What each of the tries was answered, `-` for nothing."""
    answers = [NOTHING] * tries
    open_: dict[int, tuple[int, socket.socket]] = {}
    waiting = select.poll()
    for number in range(tries):
        sock = begun(protocol, address, port, size, number)
        if sock is not None:
            open_[sock.fileno()] = (number, sock)
            waiting.register(sock, select.POLLOUT if protocol == "tcp" else select.POLLIN)
    received: dict[int, bytes] = {}
    deadline = time.monotonic() + seconds
    while open_ and (left := deadline - time.monotonic()) > 0:
        for fd, events in waiting.poll(left * 1000):
            number, sock = open_[fd]
            try:
                if events & select.POLLOUT:
                    sock.send(b"GET / HTTP/1.0\r\nHost: lab\r\n\r\n")
                    waiting.modify(sock, select.POLLIN)
                    continue
                data = sock.recv(65536)
            except OSError:
                data = b""
            received[fd] = received.get(fd, b"") + data
            found = said(protocol, received[fd], number)
            if found or (not data and protocol == "tcp") or events & select.POLLERR:
                answers[number] = found or NOTHING
                waiting.unregister(fd)
                del open_[fd]
                sock.close()
    return answers


def main(host: str, port: str, protocol: str, size: str, tries: str, seconds: str) -> None:
    addresses = resolved(host, LOOKUPS)
    known = [address for address in addresses if address]
    found = ask(protocol, known[0], int(port), int(size), int(tries), float(seconds)) if known else []
    sys.stdout.write("\n".join((f"{len(known)}/{len(addresses)}", *found)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
