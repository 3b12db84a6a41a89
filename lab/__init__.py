"""Hoplab: a Kubernetes cluster's network on one machine, and the journey of each request through it.

Packages point one way: topology <- cluster <- network <- plan <- kernel <- agent <- trace <- tasks.
"""

import time

BEGAN = time.monotonic_ns()
"""When this process had come so far, which is before anything else of ours: what `up --profile` tells."""
