"""Netfilter's own trace of packets: the table that asks the kernel for it, and the messages in which it reports.

Nothing is simulated; the kernel removes the table with the process that made it.
"""
