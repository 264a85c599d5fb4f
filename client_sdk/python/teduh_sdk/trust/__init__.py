"""Whom this device believes: statements, revocations, and the organisation that signs them.

A colleague as the relay names her is believed once her statement is verified.
"""
