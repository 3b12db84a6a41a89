"""How each place translated the request's addresses: events and entries of connection tracking, told for each hop."""
