"""What a group of RFC 9420 means here: who is in the room, how it changes, when keys are renewed.

No I/O, no clock of its own.
"""
