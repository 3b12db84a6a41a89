"""Rules and sets of a place, loaded and read by their own programs: what these print is what people know."""
