"""Kubernetes objects: what files say of them and whether that can be, and what the network needs to know. Pure.

Imports lab.topology and lab.errors; network and everything after it may import this.
"""
