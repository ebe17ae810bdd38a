"""What p2pclient's own test suite expects from its conftest, which its source distribution lacks."""

import os

import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "go_only: needs a daemon with Go's features")
    config.addinivalue_line("markers", "jsp2pd_probable_bug: fails on the JS daemon")


@pytest.fixture(scope="session")
def daemon_executable():
    return os.environ["P2PD"]
