"""Valkey for tests: one server, a cluster, one that Sentinels watch, one conversation in it."""
