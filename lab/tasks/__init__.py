"""The tasks of the `hoplab` program: each parses, calls one function and prints.

Everything may be imported here; nothing but lab.program imports this.
"""

from __future__ import annotations

from lab.tasks.check import check
from lab.tasks.components import component_list, component_start, component_stop
from lab.tasks.getting import get
from lab.tasks.happening import events
from lab.tasks.inside import exec_, shell
from lab.tasks.lifetime import down, list_, up, validate
from lab.tasks.looking import graph, inspect
from lab.tasks.manifests import apply, delete, kubectl
from lab.tasks.rules import rules
from lab.tasks.tracing import capture, demo, trace, trace_diff

TASKS = (
    apply,
    capture,
    check,
    component_list,
    component_start,
    component_stop,
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
    trace,
    trace_diff,
    up,
    validate,
)
