"""What people and their devices say to each other inside the encryption; the relay never sees it.

messages      what may be said: every message, its fields and their limits
codec         messages to bytes and back
exceptions    whose fault it was
"""
