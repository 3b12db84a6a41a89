"""The cells in which places' programs run: how one is made, entered, and given a terminal.

Imports lab.kernel.sandbox and lab.kernel.host; what runs in a cell is lab.kernel.programs' to know.
"""
