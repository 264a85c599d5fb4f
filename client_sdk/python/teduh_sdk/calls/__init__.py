"""Calls: voice and video by aiortc.

An extra, `teduh-sdk[calls]`: who only writes needs none of it, and nothing here is imported
before the first call.
"""
