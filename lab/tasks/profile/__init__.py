"""`up --profile`: where the milliseconds of a whole command go, noted, and told as a flame or a chrome trace."""
