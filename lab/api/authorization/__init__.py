"""Who asks, what they attempt, and whether they may.

Imports lab.api.http for what a request is; only the handler and the transport import it.
"""
