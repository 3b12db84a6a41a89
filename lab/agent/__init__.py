"""The one long-lived process of a lab: init of its sandbox, the only writer of its kernel state, and what answers the
commands.

Commands reach it through `client`; they read directly from the kernel and ask the agent to write.
"""
