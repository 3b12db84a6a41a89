"""What the kernel of every place should hold, as a pure function of the topology, the cluster and the addresses.

Nothing here opens a file, starts a process or speaks to the kernel; `lab.plan` and what stands above it may import it.
"""
