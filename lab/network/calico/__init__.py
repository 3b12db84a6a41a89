"""Calico's part of a node: pods' interfaces and routes, tunnels, WireGuard, Felix' rules and sets, under its names.

Source: Calico 3.27.
"""
