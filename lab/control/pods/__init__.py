"""A pod's life in the API: where it may go, what its kubelet reports of it, why it is not ready, who would miss it.

Pure: each function gives the pod as it is after something happened to it.
"""
