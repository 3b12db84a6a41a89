"""Netlink as the kernel speaks it: messages, batches and dumps, and what each of its families says and takes.

Imports nothing else of lab.kernel but the namespaces in which a socket is made.
"""
