"""What this machine and its kernel can do, tried rather than guessed: for `check`, and before anything is built."""
