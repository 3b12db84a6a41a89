"""The tasks of the `hoplab` program: each parses, calls one function and prints.

Everything may be imported here; nothing but lab.program imports this.
"""

from __future__ import annotations

from invoke import Collection

from lab.tasks.check import check
from lab.tasks.happening import events
from lab.tasks.inside import exec_, shell
from lab.tasks.lifetime import down, list_, up, validate
from lab.tasks.looking import graph, inspect
from lab.tasks.manifests import apply, delete, get, kubectl
from lab.tasks.rules import rules
from lab.tasks.tracing import capture, demo, trace, trace_diff

# Invoke has no task and collection of one name: `trace` is what the collection does by default.
traces = Collection("trace", trace, trace_diff)
namespace = Collection(
    apply,
    capture,
    check,
    delete,
    demo,
    down,
    events,
    exec_,
    get,
    graph,
    inspect,
    kubectl,
    list_,
    rules,
    shell,
    traces,
    up,
    validate,
)
