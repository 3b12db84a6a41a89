"""The tasks of the `hoplab` program: each parses, calls one function and prints.

Everything may be imported here; nothing but lab.program imports this.
"""

from __future__ import annotations

from lab.tasks.commandline.catalogue import Catalogue

TASKS = Catalogue(
    {
        "apply": "lab.tasks.manifests:apply",
        "bundle": "lab.tasks.exchange.handover:bundle",
        "calicoctl": "lab.tasks.calico:calicoctl",
        "capture": "lab.tasks.trace.tracing:capture",
        "check": "lab.tasks.check:check",
        "collect": "lab.tasks.exchange.importing:collect",
        "component.list": "lab.tasks.components:component_list",
        "component.start": "lab.tasks.components:component_start",
        "component.stop": "lab.tasks.components:component_stop",
        "delete": "lab.tasks.manifests:delete",
        "demo": "lab.tasks.trace.tracing:demo",
        "doctor": "lab.tasks.doctor:doctor",
        "down": "lab.tasks.lifetime:down",
        "events": "lab.tasks.events:events",
        "exec": "lab.tasks.exec:exec_",
        "export": "lab.tasks.exchange.handover:export",
        "fault.clear": "lab.tasks.breaks:fault_clear",
        "fault.inject": "lab.tasks.breaks:fault_inject",
        "fault.list": "lab.tasks.breaks:fault_list",
        "get": "lab.tasks.get:get",
        "graph": "lab.tasks.inspection:graph",
        "impair": "lab.tasks.impair:impair",
        "import": "lab.tasks.exchange.importing:import_",
        "inspect": "lab.tasks.inspection:inspect",
        "kubectl": "lab.tasks.manifests:kubectl",
        "list": "lab.tasks.lifetime:list_",
        "replay": "lab.tasks.exchange.handover:replay",
        "rules": "lab.tasks.rules:rules",
        "shell": "lab.tasks.exec:shell",
        "trace": "lab.tasks.trace.tracing:trace",
        "trace.diff": "lab.tasks.trace.tracing:trace_diff",
        "up": "lab.tasks.lifetime:up",
        "validate": "lab.tasks.lifetime:validate",
        "verify": "lab.tasks.verify:verify",
    }
)
