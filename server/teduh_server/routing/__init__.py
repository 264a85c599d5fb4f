"""Who gets which request: the queue, offers, the board, alarms, and who is told. Rules are in `matching`,
what must survive in `redis_store`.
"""
