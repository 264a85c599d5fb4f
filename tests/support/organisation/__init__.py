"""Organisations of tests: staff with devices and statements, coordinators, and whoever stole a key."""
