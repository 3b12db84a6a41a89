"""How each place translated the request's addresses: the events of connection tracking while it went through.

Reported by the kernel; nothing is changed. Only the tracer imports this.
"""
