"""Everything that tells what happened while a request went through: frames, netfilter, connection tracking, counters.

The lowest wing of lab.trace: it knows of no request's meaning, and imports no other wing.
"""
