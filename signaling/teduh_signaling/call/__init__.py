"""Calls: what devices tell each other to set one up, and the state machine that tells them what to say.

messages      what may be said about a call: every message, its fields and their limits
codec         messages to bytes and back
transitions   every state and every way from one to another, as tables
session       one device's part in the calls of one conversation, without I/O
peer          the negotiation with one other device
freshness     how old a message is, though clocks differ
recording     who has allowed whom to record
timing        all the time-outs
actions       what a session asks its driver to do, and what it tells the application

The messages travel inside the encryption, as those of `chat` do; the relay never sees them.
"""
