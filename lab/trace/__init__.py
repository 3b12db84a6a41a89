"""One real request followed through a running lab: probe, captures, journey, and how it is told; and `capture`.

It reads and never changes the kernel. Only tasks, faults and the workshop may import it; what it imports must be light.
"""
