"""What a cluster does by itself: controllers that watch the API's objects and make others of them. Pure.

Nothing here has a clock, and nothing acts on the machine: times are given, and what follows is written to the store.
Imports lab.network, lab.api, lab.cluster, lab.topology and lab.errors.
"""
