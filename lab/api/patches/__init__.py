"""Changing an object by a patch, in each of the forms that clients send one, and who owns which field of it since.

Imports lab.api.schema for what it says of lists; objects that are given are not changed.
"""
