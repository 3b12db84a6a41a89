"""The command line itself, whatever the task: what was typed, how it can go on, where output goes, how it ends."""
