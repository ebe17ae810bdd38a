"""What p2pclient's own test suite expects from its conftest, which its source distribution lacks."""

import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "go_only: needs a daemon with Go's features")
    config.addinivalue_line("markers", "jsp2pd_probable_bug: fails on the JS daemon")


@pytest.fixture(scope="session")
def daemon_executable():
    # p2pclient tells Go's daemon by this very name, which it looks up in PATH.
    return "p2pd"
