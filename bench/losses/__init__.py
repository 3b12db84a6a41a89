"""The judge of what a trace says of losses: labs are broken at random, and what is said of each break is judged.

`kinds` is the catalogue of breaks, `drawing` takes one from it by a seed: both are pure. `trial` breaks a real lab,
asks an independent client whether the request is lost, asks the trace why, and tries the fix. docs/trace.md
has the table.
"""
