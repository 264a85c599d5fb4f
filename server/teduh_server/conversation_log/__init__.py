"""The log of each conversation: what is appended, delivered, read again, acknowledged and trimmed. The
promise that nothing accepted is lost is kept here and in `redis_store`.
"""
