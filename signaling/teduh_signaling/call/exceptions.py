"""What an application can do wrong with a call. What others do wrong is ignored, and never raises."""

from __future__ import annotations


class CallNotAllowed(Exception):
    """The call is not in a state in which this can be done."""
