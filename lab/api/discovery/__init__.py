"""What clients are told of the API itself: its kinds, their verbs and schemas, and the release that the lab is like."""
