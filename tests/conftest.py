"""Settings for all tests."""

from __future__ import annotations

import os
import signal

# One thread: two would slow small networks down, and equal seeds would no longer mean equal bits.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings

# A loaded machine must not make a test fail.
settings.register_profile("drlapps", deadline=None)
settings.load_profile("drlapps")

# Who was started in the background may have been told to ignore the interrupts that tests send.
signal.signal(signal.SIGINT, signal.default_int_handler)
