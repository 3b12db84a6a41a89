"""From what was collected in a real cluster to a lab's folder: a topology, and files of its machines beside it.

Only archive.py and tarball.py of the collection read files: all else is texts in, texts out, and what is to be said.
"""
