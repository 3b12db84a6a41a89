"""From what was collected in a real cluster to a lab's folder: a topology, and files of its machines beside it.

Everything here but archive.py is pure: texts in, texts out, and what is to be said of them.
"""
