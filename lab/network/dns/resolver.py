"""resolv.conf and hosts: what a place's resolver is told, as text and as what glibc makes of the text.

Source: resolv.conf(5) and hosts(5). The files stand below OWN_FILES in the sandbox's mount namespace; whoever lives in
the place sees them as /etc/resolv.conf and /etc/hosts, and may have edited them: the files are the truth, a map only
says what the lab wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MOST_NAMESERVERS = 3
NOBODY = "127.0.0.1"  # whom a resolver without a nameserver asks

# Option of resolv.conf -> what it is without being said, and the most that it can be.
_NDOTS, _TIMEOUT, _ATTEMPTS = ("ndots", 1, 15), ("timeout", 5, 30), ("attempts", 2, 5)


@dataclass(frozen=True, slots=True)
class Resolver:
    """The contents of a resolv.conf: addresses to ask in turn, search list, and options as `name` or `name:value`."""

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def ndots(self) -> int:
        """A name with fewer dots is tried below the search list first."""
        return self._number(*_NDOTS)

    @property
    def timeout(self) -> int:
        """Seconds that a nameserver is waited for."""
        return self._number(*_TIMEOUT)

    @property
    def attempts(self) -> int:
        """How often all nameservers are asked before a program is told that nobody answers."""
        return self._number(*_ATTEMPTS)

    @property
    def asked(self) -> tuple[str, ...]:
        """The nameservers that count."""
        return self.nameservers[:MOST_NAMESERVERS] or (NOBODY,)

    @property
    def families(self) -> int:
        """How many questions a name costs: for IPv4 and IPv6, unless told otherwise."""
        return 1 if "no-aaaa" in self.options else 2

    @property
    def by_tcp(self) -> bool:
        """Whether datagrams are not used at all."""
        return "use-vc" in self.options

    @property
    def patience(self) -> int:
        """Seconds until a program has given up about one name that nobody answers: later nameservers share a time that
        doubles.
        """
        number = len(self.asked)
        waits = (max(1, (self.timeout << place) // number) if place else self.timeout for place in range(number))
        return self.attempts * sum(waits)

    @property
    def patience_with_one(self) -> int:
        """The same about the answer for one family while that for the other has come: both are asked for again, and at
        last each alone.
        """
        return self.timeout * (self.attempts + 1)

    def gives_up(self, name: str, candidate: str) -> int:
        """Seconds until a program has given up about `name`, if it is `candidate` that nobody answers first: then only
        the name as it stands is asked for as well, if it has not been.
        """
        asked = self.candidates(name)
        later = asked[asked.index(candidate) + 1 :] if candidate in asked else ()
        return self.patience * (2 if name in later else 1)

    def _number(self, option: str, usual: int, most: int) -> int:
        """The option's value; the last one counts."""
        for name, _, value in (text.partition(":") for text in reversed(self.options)):
            if name == option and value.isdecimal():
                return min(int(value), most)
        return usual

    def candidates(self, name: str) -> tuple[str, ...]:
        """The names that are asked for in turn, until one has an address."""
        if name.endswith("."):
            return (name.rstrip("."),)
        searched = [f"{name}.{domain}".rstrip(".") for domain in self.search]
        whole = [*searched, name] if name.count(".") < self.ndots else [name, *searched]
        return tuple(dict.fromkeys(whole))

    def to_text(self) -> str:
        """The file, in the order in which a container runtime writes it."""
        lines = [f"search {' '.join(self.search)}"] if self.search else []
        lines += [f"nameserver {address}" for address in self.nameservers]
        lines += [f"options {' '.join(self.options)}"] if self.options else []
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def from_text(cls, text: str, hostname: str = "") -> Resolver:
        """What glibc reads in a file: the last `search` or `domain` counts, nameservers and options add up.

        Without a search list it is what stands behind the first dot of the host name.
        """
        nameservers: list[str] = []
        options: list[str] = []
        search: tuple[str, ...] | None = None
        for line in text.splitlines():
            words = line.split()
            if not words or line[0] in "#;":
                continue
            if words[0] == "nameserver":
                nameservers += words[1:2]
            elif words[0] in ("search", "domain"):
                search = tuple(words[1:] if words[0] == "search" else words[1:2])
            elif words[0] == "options":
                options += words[1:]
        if search is None:
            search = tuple(filter(None, (hostname.partition(".")[2],)))
        return cls(tuple(nameservers), search, tuple(options))


@dataclass(frozen=True, slots=True)
class HostsEntry:
    """A line of a hosts file: an address and the names that it has."""

    address: str
    names: tuple[str, ...]

    def to_text(self) -> str:
        return "\t".join((self.address, *self.names)) + "\n"


def hosts_entries(text: str) -> Iterator[HostsEntry]:
    """The lines of a hosts file that say something."""
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if address and names:
            yield HostsEntry(address, tuple(names))


def address_in_hosts(entries: Iterable[HostsEntry], name: str) -> str:
    """The IPv4 address that a name has there, "" for none: nobody is asked for it. Case does not matter."""
    wanted = name.rstrip(".").lower()
    for entry in entries:
        if ":" not in entry.address and wanted in (one.lower() for one in entry.names):
            return entry.address
    return ""
