"""Two scripts that a person runs in a real cluster: they read, change nothing, and write one archive each. What the
archives hold is fixed in contents.py, which `import` reads them by.
"""
