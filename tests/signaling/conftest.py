"""How Hypothesis runs here: no example is timed, for a busy machine must not fail a test; nothing is kept."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "signaling", deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.load_profile("signaling")
