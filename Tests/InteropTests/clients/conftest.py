"""Fixtures for tests that drive real daemons."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support import OURS, Daemon  # noqa: E402


@pytest.fixture
def ours():
    with Daemon(OURS) as daemon:
        yield daemon


@pytest.fixture
def pair():
    """Two daemons of ours, connected."""
    with Daemon(OURS) as a, Daemon(OURS) as b:
        with a.client() as control:
            control.connect(b.peer, b.addrs)
        yield a, b
