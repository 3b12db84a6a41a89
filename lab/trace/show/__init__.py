"""Every form in which a journey is told: the story on a terminal, the page, JSON, pcapng, the lines to compare with.

The highest wing of lab.trace: it changes nothing of what was found.
"""
