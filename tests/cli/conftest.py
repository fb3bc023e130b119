"""A data file and a trained model for the tests of the command line."""

import pytest
from cli_data import SMALL, write_data

from embedcnn.cli import main


@pytest.fixture(scope="session")
def pets(tmp_path_factory):
    """A CSV file with two labels."""
    return write_data(tmp_path_factory.mktemp("pets"), "csv")


@pytest.fixture(scope="session")
def model(pets):
    """A model trained on `pets`."""
    path = pets.parent / "pets.embedcnn"
    assert main(["train", str(pets), "--out", str(path), "--quiet", *SMALL]) == 0
    return path
