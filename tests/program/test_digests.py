"""The models of digests.py: the same bits for any number of threads, and each model its own."""

import pytest
from program.digests import digests

from embedcnn import show_config

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def alone():
    return digests(threads=1)


@pytest.mark.parametrize("count", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_every_model_has_the_same_bits_on_any_team(alone, count):
    assert digests(threads=count) == alone


def test_no_two_models_are_one(alone):
    inexact = show_config()["matmul_formats"]["medium"] != "fp32"  # else both precisions are one model
    different = {name: digest for name, digest in alone.items() if inexact or name != "precision medium"}
    assert len(set(different.values())) == len(different)
