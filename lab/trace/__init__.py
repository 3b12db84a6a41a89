"""One real request followed through a running lab: probe, captures, journey, and how it is told; and `capture`.

All that it puts into the kernel is a table of its own in each place, which the kernel removes with the process that
made it. Only tasks, faults and the workshop may import it; what it imports must be light.
"""

from __future__ import annotations

from lab.trace.trace import trace

__all__ = ["trace"]
