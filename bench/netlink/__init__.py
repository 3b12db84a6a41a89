"""The same network built, read and watched through netlink by Hoplab's own code and by pyroute2. May import lab."""
