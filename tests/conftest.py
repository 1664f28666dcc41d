"""Settings all tests share."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No deadlines: these machines are noisy, and a slow example is not a wrong one.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
