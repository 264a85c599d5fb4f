"""Pure rules: who is asked next, in which order and at what price people are served, how long it will take.
No store, no tasks, no sockets; time is a parameter.
"""
