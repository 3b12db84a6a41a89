"""Who answers names in a lab, and what each place is told to ask: servers, their containers, resolv.conf and hosts."""
