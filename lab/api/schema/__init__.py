"""The fields of the kinds served: names, numbers, types, and how a patch merges them. Tables, and their reader.

Source of every row: the published definitions of the Kubernetes API (k8s.io/api v0.35, its generated.proto and types).
Imports nothing of the other packages.
"""
