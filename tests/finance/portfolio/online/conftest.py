"""The twin of the environment, which these tests drive the policies through."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def olps() -> ModuleType:
    """Return ``tests/finance/portfolio/olps.py``."""
    spec = importlib.util.spec_from_file_location("olps", Path(__file__).parents[1] / "olps.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
