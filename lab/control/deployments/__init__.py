"""What the Deployment controller works out: revisions, how far to scale in one step, the status. Pure arithmetic."""
