"""Which rule decided: what netfilter reported of a request's packets, joined to the hops and to the rules' own text."""
