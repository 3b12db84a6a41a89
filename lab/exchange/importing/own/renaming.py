"""A machine's own names of interfaces as the lab has them: what bears the node's address is eth0 here."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAIN = "eth0"


@dataclass(frozen=True, slots=True)
class Renaming:
    """`main` is what the machine calls it. Where another of its interfaces is called eth0, the two change names: the
    lab has none like that one, and says so.
    """

    main: str

    def of(self, device: str) -> str:
        if self.main == MAIN:
            return device
        return {self.main: MAIN, MAIN: self.main}.get(device, device)

    def words(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Of a line of `ip` or `bridge`: behind dev, iif, oif."""
        return tuple(
            self.of(word) if before in ("dev", "iif", "oif") else word
            for before, word in zip(("", *words), words, strict=False)
        )

    def rule(self, line: str) -> str:
        """Of a line of iptables-save."""
        if self.main == MAIN:
            return line
        return _INTERFACE.sub(lambda found: found[1] + self._matched(found[2]), line)

    def _matched(self, name: str) -> str:
        if name.endswith("+"):
            return f"{MAIN[:3]}+" if self.main.startswith(name[:-1]) else name
        return self.of(name)

    def setting(self, line: str) -> str:
        """Of a line of sysctl: `net.ipv4.conf.bond0/7.rp_filter = 1`."""
        if self.main == MAIN:
            return line
        found = _CONF.match(line)
        return f"{found[1]}{self.of(found[2].replace('/', '.'))}{found[3]}" if found else line


_INTERFACE = re.compile(r"((?:^| )(?:-i|-o|--physdev-in|--physdev-out) )(\S+)")
_CONF = re.compile(r"(net\.ipv4\.conf\.)([^.\s]+)(\..*)")
