"""Hoplab: a Kubernetes cluster's network on one machine, and the journey of each request through it.

Packages point one way: topology <- cluster <- network <- plan <- kernel <- agent <- trace <- tasks.
"""
