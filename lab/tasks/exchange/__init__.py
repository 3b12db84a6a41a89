"""The tasks between a lab and other clusters or colleagues."""
