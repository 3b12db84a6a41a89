"""The API server's transport: HTTP and WebSockets over TLS, inside the lab and outside it."""
