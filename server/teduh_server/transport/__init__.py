"""From a listening socket to whole WebSocket messages: the listener, the upgrade, frame boundaries,
gathered writes, and how often one source may come. Knows nothing of frames of the protocol.
"""
