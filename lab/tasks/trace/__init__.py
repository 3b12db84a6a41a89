"""`trace` in all its forms: a request sent, a pod's own connections followed, and what was found mended."""
