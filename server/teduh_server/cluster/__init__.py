"""What nodes and workers tell each other, and who is told within one node. Bytes and callbacks alone: no
store, no rules.
"""
