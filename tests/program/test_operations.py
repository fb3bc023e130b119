"""operations(): the facts of the core's operations, and that programs are held to them."""

import re
from pathlib import Path

import pytest

from embedcnn import _core

RANDOM_IMAGES = ("random_affine", "random_flip", "random_light")
FACTS = _core.operations()
ROOT = Path(__file__).resolve().parents[2]


def test_every_operation_has_the_same_facts():
    assert len(FACTS) > 40 and len({tuple(facts) for facts in FACTS.values()}) == 1
    for facts in FACTS.values():
        for name in ("inputs", "outputs", "parameters"):
            least, most = facts[name]
            assert least >= 0 and (most is None or least <= most)
        assert set(facts["first_input"][0]) <= {"ids", "tokens", "floats"}
        assert bool(facts["parameter_ranks"]) == (facts["parameters"][1] != 0)


def test_facts_that_others_rest_on():
    def having(fact):
        return {name for name, facts in FACTS.items() if facts[fact]}

    assert having("states") == {"simple_rnn", "lstm", "gru"} and FACTS["lstm"]["states"] == 2
    assert having("reads_table") == {"lookup"} and having("has_penalty") == {"activity_penalty"}
    assert having("only_trains") == {"dropout", "noise", *RANDOM_IMAGES} and having("is_given") == {
        "given_loss"
    }
    assert having("takes_labels") == {"cross_entropy", "dense_cross_entropy"}
    assert having("takes_labels") < having("is_loss")
    alone = {name for name, facts in FACTS.items() if facts["mixing"] == "nothing"}
    assert {"dense", "activation", "lookup", "concatenate", "dropout"} < alone
    assert FACTS["softmax"]["mixing"] == FACTS["layer_normalization"]["mixing"] == "by axes"
    assert not alone & {"conv1d", "global_max_pool", "lstm", "ngrams", "flatten"}


@pytest.mark.parametrize("name", FACTS)
def test_counts_are_checked(name):
    facts = FACTS[name]
    count = 1 if facts["inputs"][1] is None else facts["inputs"][1] + 1
    inputs = [(f"x{n}", "float32", None, (4,)) for n in range(count)]
    outputs = () if facts["inputs"][1] is None else (count,)
    with pytest.raises(ValueError, match=f"^{name}: .* inputs, .* outputs and .* parameters; expected"):
        _core.Program(inputs, [], [(name, tuple(range(len(inputs))), outputs, (), {})], ())


def test_python_lists_no_losses_and_no_recurrent_operations():
    """Facts stand in csrc/ops only: no tuple of names in embedcnn/ is the set that a fact gives."""
    sets = [{n for n, facts in FACTS.items() if facts[fact]} for fact in ("states", "is_loss", "only_trains")]
    for path in (ROOT / "embedcnn").glob("**/*.py"):
        for listed in re.findall(r"[(\[{]((?:\s*\"\w+\",?\s*){2,})[)\]}]", path.read_text()):
            assert set(re.findall(r"\w+", listed)) not in sets, path
