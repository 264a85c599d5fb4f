"""Whoever connects to a relay: frame by frame, by either SDK, or without any code of ours."""
