"""What serves a place without living in its namespace: files, what listens, programs. Part of `objects`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class File:
    """A file of the lab's own, under one of the sandbox's own folders; `place` is whom it serves."""

    rank: ClassVar[int] = 9
    place: str
    path: str
    content: str
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("file", self.path)


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link among the lab's own files (the root file system of an OCI container has some)."""

    rank: ClassVar[int] = 9
    place: str
    path: str
    target: str
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("symlink", self.path)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a listener answers to every HTTP request. `headers` are lines of the answer's head, without their ends."""

    status: int
    headers: str
    body: str


@dataclass(frozen=True, slots=True)
class Listener:
    """A port on which the built-in server answers (HTTP on tcp, echo on udp) under a name, inside a place.

    It listens on one `address` of the place, or on all that it has. With a `reply` it says that and nothing else.
    """

    rank: ClassVar[int] = 10
    place: str
    protocol: str
    port: int
    name: str
    intent: str = field(default="", compare=False)
    address: str = ""
    reply: Reply | None = None

    @property
    def key(self) -> Key:
        own = (self.address,) if self.address else ()
        return ("listener", self.place, self.protocol, str(self.port), *own)

    def differs_in_reply_only(self, before: Listener) -> bool:
        """Whether `before` becomes this without another socket."""
        return self != before and self == replace(before, reply=self.reply)


@dataclass(frozen=True, slots=True)
class Process:
    """A program that runs in a place. When `config` (a digest of what it reads) changes, it is started anew.

    `reload` is a digest of what it reads again when it gets `reload_signal`: when only that changes, it lives on.
    `container` names the OCI bundle's folder when it runs under crun. `ready_udp` is the port whose answer to a DNS
    question for a name below `ready_name` says that it is up (SERVFAIL does not); 0 when being alive is enough.
    `node` is the node of the pod whose program it is, "" for one of the lab's own, which sees the lab's files.
    `added` and `dropped` are the capabilities that its manifest says so of. `environment` has further variables, as
    `NAME=value`. `stop_signal` asks it to end.
    `needs_network`: it asks others as soon as it begins, and so begins last. `overlaps`:
    one that is to read another configuration is started beside the one that runs, and takes its port from it; it binds
    when it has read its standard input to the end.
    """

    rank: ClassVar[int] = 11
    place: str
    name: str
    argv: tuple[str, ...]
    config: str = ""
    container: str = ""
    reload: str = ""
    environment: tuple[str, ...] = ()
    node: str = ""
    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    reload_signal: str = field(default="", compare=False)
    stop_signal: str = field(default="SIGTERM", compare=False)
    needs_network: bool = field(default=False, compare=False)
    overlaps: bool = field(default=False, compare=False)
    ready_udp: int = field(default=0, compare=False)
    ready_name: str = field(default="", compare=False)
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("process", self.place, self.name)

    def differs_in_reload_only(self, before: Process) -> bool:
        """Whether `before` becomes this by a signal, without being started anew."""
        return bool(self.reload_signal) and self != before and self == replace(before, reload=self.reload)
