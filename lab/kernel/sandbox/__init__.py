"""Where a lab lives: its user, mount, PID and network namespaces, and in them the cells in which places' programs run.

Nothing of the machine can be changed from in here, whoever runs: docs/security.md says how, and against whom.
"""
