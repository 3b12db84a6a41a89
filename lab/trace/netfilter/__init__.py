"""Which rule decided: netfilter's own trace of the packets of one request, in every place that it comes through.

Reported by the kernel over netlink while the request is under way; nothing is simulated. May import lab.kernel,
lab.network and the types of lab.trace; only the tracer imports this.
"""
