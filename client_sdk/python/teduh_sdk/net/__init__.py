"""The connection to the relay: transport, link, clock, and bodies that are read up to a bound.

Knows no conversation.
"""
