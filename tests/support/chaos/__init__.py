"""Relays and stores under load while something is killed, frozen or cut off; `make chaos` itself."""
