"""One conversation: its state without I/O, and the task around it that has the link.

What is received, sent and kept is decided in `conversation_state` and what it uses, from frames and the time
that it is given. May use `group`, `trust` and `net`; knows neither the client nor staff.
"""
