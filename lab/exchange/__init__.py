"""Between a lab and other clusters or colleagues: what a real cluster prints of itself is collected and made a lab of,
and a lab is handed on. Only lab.tasks may import it.
"""
