"""The columns of each kind's table, and one object's cells in them, as kubectl prints them.

Source: kube-apiserver's printers. Imports lab.api.tables.ages only.
"""
