"""What is a machine's own of what it printed: files for the lab, without what the lab's components make just so."""
