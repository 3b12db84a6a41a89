"""From what was seen to the journey and the reason: each hop's stage and decisions, the verdict, and why it was lost.

Imports lab.trace.ask and lab.trace.witness; how it is shown is not its business.
"""
