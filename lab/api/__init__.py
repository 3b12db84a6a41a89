"""The Kubernetes API without its transport: kinds, the store of objects, requests and their answers. Pure.

Objects are JSON as clients send them. What is in the store is never changed in place: whoever changes an object makes
another one. Imports lab.cluster, lab.topology and lab.errors.
"""
