"""The tasks that hand a lab over, or make one of what came from elsewhere."""
