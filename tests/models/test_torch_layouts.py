"""Layouts of models.load_torch_weights beside PyTorch: each module and our layer give the same, and what has
another layout is refused with names and shapes.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from embedcnn import Input, Model, Sequential, layers, models  # noqa: E402

RANDOM = np.random.default_rng(0)


def draw(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def channels_first(x):
    return torch.tensor(np.ascontiguousarray(np.moveaxis(x, -1, 1)))


def channels_last(y):
    return np.moveaxis(y.detach().numpy(), 1, -1)


def modified(module):
    """Weights that are all different, moving statistics too."""
    torch.manual_seed(0)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.dtype == torch.float32:
                tensor.copy_(torch.rand_like(tensor) + 0.1)
    return module.eval()


def pair(*modules):
    return nn.Sequential(*modules)


STEPS, IMAGE = (7, 4), (6, 5, 4)
CONVOLUTIONS = {
    "Conv2d": (lambda: nn.Conv2d(4, 6, (2, 3)), lambda: layers.Conv2D(6, (2, 3)), IMAGE),
    "Conv2d, groups": (lambda: nn.Conv2d(4, 6, 3, groups=2), lambda: layers.Conv2D(6, 3, groups=2), IMAGE),
    "Conv1d, groups": (lambda: nn.Conv1d(4, 6, 3, groups=2), lambda: layers.Conv1D(6, 3, groups=2), STEPS),
    "depthwise Conv1d": (
        lambda: nn.Conv1d(4, 8, 3, groups=4),
        lambda: layers.DepthwiseConv1D(3, depth_multiplier=2),
        STEPS,
    ),
    "depthwise Conv2d": (
        lambda: nn.Conv2d(4, 8, (2, 3), groups=4),
        lambda: layers.DepthwiseConv2D((2, 3), depth_multiplier=2),
        IMAGE,
    ),
    "separable 1-D": (
        lambda: pair(nn.Conv1d(4, 8, 3, groups=4, bias=False), nn.Conv1d(8, 5, 1)),
        lambda: layers.SeparableConv1D(5, 3, depth_multiplier=2),
        STEPS,
    ),
    "separable 2-D, two biases": (
        lambda: pair(nn.Conv2d(4, 4, (2, 3), groups=4, padding="same"), nn.Conv2d(4, 5, 1)),
        lambda: layers.SeparableConv2D(5, (2, 3), padding="same"),
        IMAGE,
    ),
    "separable 2-D, no bias": (
        lambda: pair(nn.Conv2d(4, 4, 3, groups=4, bias=False), nn.Conv2d(4, 5, 1, bias=False)),
        lambda: layers.SeparableConv2D(5, 3, use_bias=False),
        IMAGE,
    ),
    "ConvTranspose1d": (
        lambda: nn.ConvTranspose1d(4, 3, 3, stride=3),
        lambda: layers.Conv1DTranspose(3, 3, strides=3),
        STEPS,
    ),
    "ConvTranspose2d": (
        lambda: nn.ConvTranspose2d(4, 3, (3, 2), stride=(3, 2)),
        lambda: layers.Conv2DTranspose(3, (3, 2), strides=(3, 2)),
        IMAGE,
    ),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(4, eps=1e-3), lambda: layers.BatchNormalization(), IMAGE),
    "BatchNorm2d, not affine": (
        lambda: nn.BatchNorm2d(4, eps=1e-3, affine=False),
        lambda: layers.BatchNormalization(center=False, scale=False),
        IMAGE,
    ),
    "GroupNorm": (
        lambda: nn.GroupNorm(2, 4, eps=1e-3),
        lambda: layers.GroupNormalization(2),
        IMAGE,
    ),
    "LayerNorm of images": (
        lambda: nn.LayerNorm((4, 6, 5), eps=1e-3),
        lambda: layers.LayerNormalization(axis=[1, 2, 3]),
        IMAGE,
    ),
    "LayerNorm of square images": (
        lambda: nn.LayerNorm((4, 4, 4), eps=1e-3),
        lambda: layers.LayerNormalization(axis=[1, 2, 3]),
        (4, 4, 4),
    ),
    "PReLU": (lambda: nn.PReLU(4), lambda: layers.PReLU(shared_axes=[1, 2]), IMAGE),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_channels(name):
    theirs, ours, size = CONVOLUTIONS[name]
    module, x = modified(theirs()), draw(3, *size)
    model = Sequential([Input(size), ours()])
    assert models.load_torch_weights(model, module.state_dict()) == ([], [])
    np.testing.assert_allclose(
        model.predict(x, verbose=0), channels_last(module(channels_first(x))), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("size", [STEPS, IMAGE])
def test_a_matrix_behind_flattened_convolutions(size):
    """PyTorch flattens channels first."""
    flat, images = int(np.prod(size)) // 4 * 3, len(size) == 3
    convolution = nn.Conv2d(4, 3, 3, padding=1) if images else nn.Conv1d(4, 3, 3, padding=1)
    module = modified(
        nn.Sequential(convolution, nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(flat, 2))
    )
    kind = layers.Conv2D if images else layers.Conv1D
    parts = [
        kind(3, 3, padding="same"),
        layers.ReLU(),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(2),
    ]
    model, x = Sequential([Input(size), *parts]), draw(3, *size)
    models.load_torch_weights(model, module.state_dict())
    wanted = module(channels_first(x)).detach().numpy()
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-4, atol=1e-4)
    order = (2, 1) if not images else (3, 1, 2)  # channels first of one's own: nothing is moved
    parts = [
        kind(3, 3, padding="same"),
        layers.ReLU(),
        layers.Permute(order),
        layers.Flatten(),
        layers.Dense(2),
    ]
    model = Sequential([Input(size), *parts])
    models.load_torch_weights(model, module.state_dict())
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("both", [False, True])
def test_recurrent_layers_above_each_other(kind, both):
    module = modified(getattr(nn, kind)(4, 3, num_layers=3, bidirectional=both, batch_first=True))
    of = {"LSTM": layers.LSTM, "GRU": layers.GRU, "RNN": layers.SimpleRNN}[kind]
    x = Input(STEPS)
    y = x
    for _ in range(3):
        layer = of(3, return_sequences=True)
        y = layers.Bidirectional(layer)(y) if both else layer(y)
    model, given = Model(x, y), draw(3, *STEPS)
    assert models.load_torch_weights(model, module.state_dict()) == ([], [])
    wanted = module(torch.tensor(given))[0].detach().numpy()
    np.testing.assert_allclose(model.predict(given, verbose=0), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("bias", [False, True])
def test_attention_with_keys_and_values_of_other_widths(bias):
    module = modified(nn.MultiheadAttention(6, 2, kdim=4, vdim=5, bias=bias, batch_first=True))
    query, key, value = Input((3, 6)), Input((7, 4)), Input((7, 5))
    made = layers.MultiHeadAttention(2, 3, use_bias=bias)(query, value, key)
    model = Model([query, value, key], made)
    models.load_torch_weights(model, module.state_dict())
    q, k, v = draw(2, 3, 6), draw(2, 7, 4), draw(2, 7, 5)
    wanted = module(*(torch.tensor(one) for one in (q, k, v)))[0].detach().numpy()
    np.testing.assert_allclose(model.predict([q, v, k], verbose=0), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("equation", "shape", "bias", "size"),
    [
        ("abc,cd->abd", (None, 6), "d", (5, 4)),
        ("abc,cde->abde", (None, 2, 3), "de", (5, 4)),
        ("abcd,dce->abe", (None, 6), "e", (5, 2, 4)),
        ("abc,dc->abd", (None, 6), None, (5, 4)),
    ],
)
def test_einsum_dense(equation, shape, bias, size):
    inner = 8 if len(size) == 3 else 4
    module = modified(nn.Linear(inner, 6, bias=bias is not None))
    model = Sequential([Input(size), layers.EinsumDense(equation, shape, bias_axes=bias)])
    models.load_torch_weights(model, module.state_dict())
    x = draw(3, *size)
    wanted = module(torch.tensor(x).reshape(3, 5, inner)).detach().numpy()
    found = model.predict(x, verbose=0)
    np.testing.assert_allclose(found, wanted.reshape(found.shape), rtol=1e-4, atol=1e-4)


WRONG = {
    "a kernel of ours": (lambda: layers.Conv2D(6, (2, 3)), {"m.weight": draw(2, 3, 4, 6), "m.bias": draw(6)}),
    "a transposed one for one that is not": (
        lambda: layers.Conv2D(6, (2, 3)),
        {"m.weight": draw(4, 6, 2, 3), "m.bias": draw(6)},
    ),
    "groups": (lambda: layers.Conv2D(6, (2, 3)), {"m.weight": draw(6, 2, 2, 3), "m.bias": draw(6)}),
    "depthwise of another multiplier": (
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2),
        {"m.weight": draw(12, 1, 3, 3), "m.bias": draw(12)},
    ),
    "a transposed one the other way round": (
        lambda: layers.Conv2DTranspose(6, 3),
        {"m.weight": draw(6, 4, 3, 3), "m.bias": draw(6)},
    ),
    "a separable one without its second part": (
        lambda: layers.SeparableConv2D(6, 3),
        {"m.weight": draw(4, 1, 3, 3), "m.bias": draw(4)},
    ),
    "statistics missing": (layers.BatchNormalization, {"m.weight": draw(4), "m.bias": draw(4)}),
    "a matrix for other axes": (
        lambda: layers.EinsumDense("abcd,de->abce", (None, None, 6)),
        {"m.weight": draw(5, 6)},
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_other_layouts_are_refused(name):
    make, state = WRONG[name]
    layer = make()
    model = Sequential([Input(IMAGE), layer])
    before = model.get_weights()
    with pytest.raises(
        ValueError, match=rf"layer '{layer.name}' .*\d.* fits none.*module 'm' .*weight.*\d.* has no"
    ):
        models.load_torch_weights(model, state)
    with pytest.raises(
        ValueError, match=rf"'m' does not fit layer '{layer.name}', a .*Received: .*'weight': \("
    ):
        models.load_torch_weights(model, state, {"m": layer.name})
    assert all(np.array_equal(one, other) for one, other in zip(model.get_weights(), before, strict=True))


def test_which_of_several_pairs():
    """Names in common count; one module of a pair says it for both."""
    modules = {
        f"{name}.{part}.weight": draw(*shape)
        for name in ("first", "second")
        for part, shape in (("depthwise", (4, 1, 3, 3)), ("pointwise", (4, 4, 1, 1)))
    }
    x = Input(IMAGE)
    parts = [
        layers.SeparableConv2D(4, 3, padding="same", use_bias=False, name=name)
        for name in ("second", "first")
    ]
    model = Model(x, parts[1](parts[0](x)))
    models.load_torch_weights(model, modules)
    for name in ("first", "second"):
        mix = model.get_layer(name).get_weights()[1]
        assert np.array_equal(mix[0, 0], modules[f"{name}.pointwise.weight"][:, :, 0, 0].T)
    models.load_torch_weights(model, modules, {"first.pointwise": "second", "second.depthwise": "first"})
    mix = model.get_layer("second").get_weights()[1]
    assert np.array_equal(mix[0, 0], modules["first.pointwise.weight"][:, :, 0, 0].T)
