"""The tasks that hand a lab over, or take one in."""
