"""One client that is connected: what it is, what it is subscribed to, and how frames are written to it."""
