"""The only code that touches the machine: the sandbox, netlink, rules, files and processes; writing and reading back.

May import everything pure (topology, cluster, network, plan); nothing above it (agent, trace, tasks) may be imported
here.
"""
