from __future__ import annotations

import numpy as np
import pytest

from drlapps.energy.grid.profiles import names, profile
from drlapps.errors import InputError

MINUTES = np.arange(24 * 60) / 60.0


@pytest.mark.parametrize("kind", names())
def test_a_day_peaks_at_one_and_repeats(kind: str) -> None:
    load = profile(kind, MINUTES)
    assert load.max() == 1.0
    assert load.min() > 0.2
    np.testing.assert_allclose(profile(kind, MINUTES + 24.0), load, rtol=1e-9)
    # No jump at midnight.
    assert np.abs(np.diff(load, append=load[0])).max() < 0.01


def test_customers_differ_as_they_do() -> None:
    assert 18 < MINUTES[profile("residential", MINUTES).argmax()] < 21
    assert 9 < MINUTES[profile("commercial", MINUTES).argmax()] < 17
    assert profile("industrial", 3.0) > profile("commercial", 3.0)


def test_unknown_customers_are_refused() -> None:
    with pytest.raises(InputError, match="did you mean industrial"):
        profile("industry", 0.0)
