"""What the bench has run in places and namespaces: programs that ask, knock, listen and load, each by itself."""
