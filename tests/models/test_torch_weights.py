"""models.load_torch_weights: which module is which layer, layouts, files, and what is refused."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from embedcnn import Input, Model, Sequential, layers, models

RANDOM = np.random.default_rng(0)


def draw(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def text_cnn(widths=(2, 3)):
    words = Input((8,), dtype="int32")
    x = layers.Embedding(12, 4)(words)
    parts = [layers.GlobalMaxPooling1D()(layers.Conv1D(3, width, activation="relu")(x)) for width in widths]
    return Model(words, layers.Dense(2)(layers.Concatenate()(parts)))


def state(widths=(2, 3)):
    found = {"embedding.weight": draw(12, 4)}
    for number, width in enumerate(widths):
        found |= {f"convs.{number}.weight": draw(3, 4, width), f"convs.{number}.bias": draw(3)}
    return found | {"fc.weight": draw(2, 3 * len(widths)), "fc.bias": draw(2)}


def of(model, kind):
    return [layer for layer in model.layers if type(layer) is kind]


def test_by_kind_and_shape():
    model, weights = text_cnn(), state()
    assert models.load_torch_weights(model, weights) == ([], [])
    for number, conv in enumerate(of(model, layers.Conv1D)):
        kernel, bias = conv.get_weights()
        assert np.array_equal(kernel, weights[f"convs.{number}.weight"].transpose(2, 1, 0))
        assert np.array_equal(bias, weights[f"convs.{number}.bias"])
    assert np.array_equal(of(model, layers.Dense)[0].get_weights()[0], weights["fc.weight"].T)


def test_several_choices_need_a_mapping():
    model, weights = text_cnn((3, 3)), state((3, 3))
    with pytest.raises(ValueError, match=r"may be any of \['convs.0', 'convs.1'\]: say which in `mapping`"):
        models.load_torch_weights(model, weights)
    first, second = (conv.name for conv in of(model, layers.Conv1D))
    for mapping in (
        {"convs.1": first},
        {"convs.1.weight": f"{first}/kernel"},
        {"convs.0.bias": f"{second}/bias"},
    ):
        models.load_torch_weights(model, weights, mapping)
        found = model.get_layer(first).get_weights()[0]
        assert np.array_equal(found, weights["convs.1.weight"].transpose(2, 1, 0))


def test_names_that_are_equal_go_first():
    x = Input((4,))
    model = Model(x, layers.Dense(4, name="b")(layers.Dense(4, name="a")(x)))
    weights = {"b.weight": draw(4, 4), "b.bias": draw(4), "a.weight": draw(4, 4), "a.bias": draw(4)}
    models.load_torch_weights(model, weights)
    assert np.array_equal(model.get_layer("a").get_weights()[0], weights["a.weight"].T)


def recurrent_state(gates, channels, units, count=1, both=False, name="rnn"):
    found = {}
    for number in range(count):
        inner = channels if number == 0 else units * (1 + both)
        for end in ("", "_reverse")[: 1 + both]:
            found |= {
                f"{name}.weight_ih_l{number}{end}": draw(gates * units, inner),
                f"{name}.weight_hh_l{number}{end}": draw(gates * units, units),
                f"{name}.bias_ih_l{number}{end}": draw(gates * units),
                f"{name}.bias_hh_l{number}{end}": draw(gates * units),
            }
    return found


@pytest.mark.parametrize(("kind", "gates"), [(layers.LSTM, 4), (layers.GRU, 3), (layers.SimpleRNN, 1)])
@pytest.mark.parametrize("both", [False, True])
def test_recurrent(kind, gates, both):
    """As set_torch_weights, which is tested against PyTorch; those of one module by number."""
    x = Input((5, 6))
    made = [kind(3, return_sequences=True), kind(3, return_sequences=True), kind(3)]
    made = [layers.Bidirectional(layer) for layer in made] if both else made
    y = x
    for layer in made:
        y = layer(y)
    weights = recurrent_state(gates, 6, 3, 3, both)
    models.load_torch_weights(Model(x, y), weights)
    for number, layer in enumerate(made):
        expected = [weights[key] for key in weights if f"_l{number}" in key]
        for one, other in zip(layer.torch_weights(), expected, strict=True):
            if one.shape == other.shape and one.ndim > 1:
                assert np.array_equal(one, other)


def attention_model():
    x = Input((5, 6))
    y = layers.MultiHeadAttention(2, 3)(x, x)
    y = layers.LayerNormalization()(y + x)
    y = layers.BatchNormalization()(layers.DepthwiseConv1D(2, depth_multiplier=2)(y))
    y = layers.TimeDistributed(layers.Dense(4))(y)
    return Model(x, layers.GlobalAveragePooling1D()(y))


def attention_state():
    return {
        "attn.in_proj_weight": draw(18, 6),
        "attn.in_proj_bias": draw(18),
        "attn.out_proj.weight": draw(6, 6),
        "attn.out_proj.bias": draw(6),
        "norm.weight": draw(6),
        "norm.bias": draw(6),
        "conv.weight": draw(12, 1, 2),
        "conv.bias": draw(12),
        "bn.weight": draw(12),
        "bn.bias": draw(12),
        "bn.running_mean": draw(12),
        "bn.running_var": np.abs(draw(12)),
        "bn.num_batches_tracked": np.array(7),
        "fc.weight": draw(4, 12),
        "fc.bias": draw(4),
    }


def test_against_pytorch():
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(0)
    parts = {
        "attn": nn.MultiheadAttention(6, 2, batch_first=True),
        "norm": nn.LayerNorm(6, eps=1e-3),
        "conv": nn.Conv1d(6, 12, 2, groups=6),
        "bn": nn.BatchNorm1d(12, eps=1e-3),
        "fc": nn.Linear(12, 4),
    }
    module = nn.ModuleDict(parts).eval()
    weights = attention_state()
    module.load_state_dict({key: torch.tensor(value) for key, value in weights.items()})
    x = draw(3, 5, 6)
    with torch.no_grad():
        given = torch.tensor(x)
        y = parts["norm"](parts["attn"](given, given, given)[0] + given)
        y = parts["bn"](parts["conv"](y.transpose(1, 2))).transpose(1, 2)
        wanted = parts["fc"](y).mean(1).numpy()
    model = attention_model()
    models.load_torch_weights(model, module.state_dict())
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, atol=1e-5)


def test_files(tmp_path):
    weights = state()
    save_file(weights, tmp_path / "w.safetensors")
    model = text_cnn()
    models.load_torch_weights(model, tmp_path / "w.safetensors")
    assert np.array_equal(model.get_weights()[0], weights["embedding.weight"])
    (tmp_path / "w.safetensors").write_bytes(b"\x10")
    with pytest.raises(ValueError, match="is not a file of safetensors"):
        models.load_torch_weights(model, tmp_path / "w.safetensors")
    with pytest.raises(FileNotFoundError, match="`source` must be a state_dict or a file of one"):
        models.load_torch_weights(model, tmp_path / "absent.pt")


def test_files_of_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    weights = state()
    held = {f"module.{key}": torch.tensor(value).to(torch.float64) for key, value in weights.items()}
    torch.save({"epoch": 3, "model_state_dict": held}, tmp_path / "w.pt")
    model = text_cnn()
    models.load_torch_weights(model, tmp_path / "w.pt")
    assert np.array_equal(model.get_weights()[0], weights["embedding.weight"])
    torch.save(torch.nn.Linear(2, 2), tmp_path / "w.pt")  # a module, which would run code
    with pytest.raises(ValueError, match="cannot be read as weights alone"):
        models.load_torch_weights(model, tmp_path / "w.pt")


def test_numbers_of_sixteen_bits(tmp_path):
    weight = draw(2, 3)
    rows = (weight.view(np.uint32) >> 16).astype("<u2")  # bfloat16, cut off
    header = {"fc.weight": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]}}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (tmp_path / "w.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + rows.tobytes())
    model = Sequential([Input((3,)), layers.Dense(2, use_bias=False)])
    models.load_torch_weights(model, tmp_path / "w.safetensors")
    np.testing.assert_allclose(model.get_weights()[0], weight.T, rtol=2**-7)


def test_windows_as_wide_as_the_vectors():
    """Conv2d(1, F, (K, D)), as many tutorials have it."""
    weights = state()
    flat = {
        key: value.transpose(0, 2, 1)[:, None] if value.ndim == 3 else value for key, value in weights.items()
    }
    one, other = text_cnn(), text_cnn()
    models.load_torch_weights(one, weights)
    models.load_torch_weights(other, flat)
    assert all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


def test_not_strict():
    model, weights = text_cnn(), state()
    del weights["fc.bias"], weights["fc.weight"]
    weights["other.weight"] = draw(7, 7)
    before = model.get_weights()[-1].copy()
    found = models.load_torch_weights(model, weights, strict=False)
    name = of(model, layers.Dense)[0].name
    assert found == ([f"{name}/kernel", f"{name}/bias"], ["other.weight"])
    assert np.array_equal(model.get_weights()[-1], before)
    assert np.array_equal(model.get_weights()[0], weights["embedding.weight"])


@pytest.mark.parametrize(
    ("change", "mapping", "error", "message"),
    [
        (
            {"fc.weight": draw(2, 7)},
            None,
            ValueError,
            r"Dense, \[\(6, 2\), \(2,\)\]\) fits none of what is left",
        ),
        ({"more.weight": draw(3)}, None, ValueError, r"module 'more' \{'weight': \(3,\)\} has no layer"),
        ({}, {"convs.7": "dense"}, ValueError, "`mapping` names 'convs.7'; the modules are"),
        ({}, {"fc": "nothing"}, ValueError, "`mapping` names 'nothing'; the layers are"),
        ({}, ["fc"], TypeError, "`mapping` must be a dict"),
        ({"fc.bias": "text"}, None, ValueError, "fits none of what is left"),
    ],
)
def test_what_does_not_fit(change, mapping, error, message):
    model = text_cnn()
    before = [one.copy() for one in model.get_weights()]
    with pytest.raises(error, match=message):
        models.load_torch_weights(model, {**state(), **change}, mapping)
    assert all(np.array_equal(one, other) for one, other in zip(model.get_weights(), before, strict=True))


def test_joined_by_a_mapping_but_of_another_shape():
    model, weights = text_cnn(), state()
    conv = of(model, layers.Conv1D)[0].name
    with pytest.raises(
        ValueError, match=rf"'fc' does not fit layer '{conv}', a Conv1D of .*kernel.*Received"
    ):
        models.load_torch_weights(model, weights, {"fc": conv})
    with pytest.raises(ValueError, match="gives .* more than one"):
        models.load_torch_weights(model, weights, {"fc": conv, "convs.0": conv})


@pytest.mark.parametrize("source", [3, [1], {3: draw(2)}])
def test_no_state_dict(source):
    with pytest.raises(TypeError, match="`source` must be a state_dict"):
        models.load_torch_weights(text_cnn(), source)


def test_no_model():
    with pytest.raises(TypeError, match="`model` must be a model of embedcnn. Received: dict"):
        models.load_torch_weights({"fc.bias": draw(2)}, text_cnn())


def test_nothing_in_it():
    with pytest.raises(ValueError, match="`source` holds no weights"):
        models.load_torch_weights(text_cnn(), {"epoch": 3})
    with pytest.raises(ValueError, match="built"):
        models.load_torch_weights(Sequential([layers.Dense(2)]), state())
