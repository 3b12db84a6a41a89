"""What a file has of the lab that it was written of: what was changed by hand, and what had been given out.
Imports the YAML and names of its neighbours; the schema imports it.
"""
