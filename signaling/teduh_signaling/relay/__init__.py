"""All that a client and the relay say to each other, as frames, bytes and rules, without I/O.

frames          what may be said: every frame, its fields and their limits
codec           frames to bytes and back
entry           entries of the conversation log as bytes whose place is filled in later
protocol        which frame may be sent when, for both sides
proof_of_work   the price of a request while the relay is flooded
exceptions      whose fault it was
"""
