"""Which packets the witnesses listen to, as conditions that nftables and the kernel's packet filter both can test."""
