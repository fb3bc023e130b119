"""What is drawn in tests and doctests depends on their names alone: not on the tests before, or on the day.
tests/conftest.py has the rest.
"""

import zlib

import pytest

from embedcnn.utils import set_random_seed


def seed_by(name: str) -> None:
    """Starts all random numbers, from what a name says."""
    set_random_seed(zlib.crc32(name.encode()))


def pytest_collectstart(collector):
    """What a module draws while it is imported, for its parameters or as a constant."""
    if isinstance(collector, pytest.Module):
        seed_by(collector.nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef):
    """Fixtures of a module or session are made before the seed of the first test with them is set."""
    if fixturedef.scope != "function":
        seed_by(f"{fixturedef.baseid} {fixturedef.argname}")


@pytest.fixture(autouse=True)
def seed_of_its_own(request):
    """For what the test itself draws."""
    seed_by(request.node.name)
