"""What every test has: a bounded hypothesis profile, and no setting from the shell that started pytest."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("lens", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", parent=settings.get_profile("lens"), max_examples=5000)
settings.load_profile("lens")  # `pytest --hypothesis-profile=deep` for a longer look

for name in [name for name in os.environ if name.startswith("LENS_")]:
    del os.environ[name]
