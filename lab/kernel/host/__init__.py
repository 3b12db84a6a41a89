"""What the machine below the lab has and allows: its programs, modules, limits, and what a container was given.

Imports nothing else of lab.kernel but system calls.
"""
