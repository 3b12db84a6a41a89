"""What is tried: one try of each kind at a time, drawn by a seed, and what came of it."""
