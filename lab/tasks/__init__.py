"""The tasks of the `hoplab` program: each parses, calls one function and prints.

Everything may be imported here; nothing but lab.program imports this.
"""

from __future__ import annotations

from invoke import Collection

from lab.tasks.check import check
from lab.tasks.inside import exec_, shell
from lab.tasks.lifetime import down, list_, up, validate
from lab.tasks.looking import get, graph, inspect
from lab.tasks.tracing import capture, demo, trace, trace_diff

# Invoke has no task and collection of one name: `trace` is what the collection does by default.
traces = Collection("trace", trace, trace_diff)
namespace = Collection(capture, check, demo, down, exec_, get, graph, inspect, list_, shell, traces, up, validate)
