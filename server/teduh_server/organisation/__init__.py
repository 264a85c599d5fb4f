"""Statements of staff, revocations and enrolment: what the organisation has signed, kept and checked. The
only room that judges signatures.
"""
