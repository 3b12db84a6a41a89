"""What runs in a lab's places: the built-in server, pods' programs, how they start, print, succeed each other, end."""
