"""An `ip rule`: which packets it is about, and which routing table they are looked up in, as iproute2 prints it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One rule. Prefixes are "" for all, `table` is by its usual name; `refuses` is the type of one without a table."""

    priority: int
    source: str = ""
    destination: str = ""
    incoming: str = ""
    outgoing: str = ""
    mark: int = 0
    mask: int = 0
    protocol: str = ""
    sports: tuple[int, int] | None = None
    dports: tuple[int, int] | None = None
    table: str = ""
    refuses: str = ""
    inverted: bool = False
    tos: str = ""
    uids: tuple[int, int] | None = None
    suppressed: int | None = None
    goto: int = 0

    @property
    def selector(self) -> str:
        """Everything behind the priority, as `ip rule` prints it and takes it."""
        words = ["not"] if self.inverted else []
        words += ["from", self.source.removesuffix("/32") or "all"]
        words += ["to", self.destination.removesuffix("/32")] if self.destination else []
        words += self.tos.split()
        words += ["fwmark", _marked(self.mark, self.mask)] if self.mask else []
        words += ["iif", self.incoming] if self.incoming else []
        words += ["oif", self.outgoing] if self.outgoing else []
        words += ["uidrange", f"{self.uids[0]}-{self.uids[1]}"] if self.uids else []
        words += ["ipproto", self.protocol] if self.protocol else []
        for name, ports in (("sport", self.sports), ("dport", self.dports)):
            words += [name, f"{ports[0]}" if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"] if ports else []
        words += ["goto", str(self.goto)] if self.goto else []
        words += [] if self.goto else ["lookup", self.table] if self.table else [self.refuses or "nop"]
        words += ["suppress_prefixlength", str(self.suppressed)] if self.suppressed is not None else []
        return " ".join(words)

    @property
    def text(self) -> str:
        """As `ip rule` prints it."""
        return f"{self.priority}: {self.selector}"


def _marked(mark: int, mask: int) -> str:
    return f"{mark:#x}" if mask == 0xFFFFFFFF else f"{mark:#x}/{mask:#x}"
