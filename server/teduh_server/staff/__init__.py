"""Which staff devices are there, how they are woken, and their key packages."""
