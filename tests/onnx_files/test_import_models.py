"""Models that PyTorch exported to ONNX (tests/golden/make_onnx.py), read, trained and saved."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")

from embedcnn import models  # noqa: E402

GOLDEN = Path(__file__).parents[1] / "golden" / "onnx"
OUTPUTS = np.load(GOLDEN / "outputs.npz")
FILES = {path.name.split(".")[0]: path for path in sorted(GOLDEN.glob("*.onnx"))}


def stored(name):
    """Ids and outputs of a model."""
    ids = [OUTPUTS[key] for key in OUTPUTS.files if key.startswith(f"{name}/") and not key.endswith("/out")]
    return (ids if len(ids) > 1 else ids[0]), OUTPUTS[f"{name}/out"]


def predicted(model, ids):
    return model.predict(ids, verbose=0)


@pytest.mark.parametrize("name", FILES)
def test_predicts_as_in_pytorch(name):
    ids, wanted = stored(name)
    model = models.load_onnx(FILES[name])
    np.testing.assert_allclose(predicted(model, ids), wanted, atol=1e-5)
    one = [part[:1] for part in ids] if isinstance(ids, list) else ids[:1]  # a batch of another size
    np.testing.assert_allclose(predicted(model, one), wanted[:1], atol=1e-5)


@pytest.mark.parametrize("name", FILES)
def test_trains_and_is_saved(name, tmp_path):
    ids, wanted = stored(name)
    model = models.load_onnx(FILES[name])
    model.compile("adam", "mse")
    before = [weight.numpy().copy() for weight in model.weights]
    model.fit(ids, np.zeros_like(wanted), epochs=1, verbose=0)
    learnt = {
        weight.layer.name
        for weight, old in zip(model.weights, before, strict=True)
        if (weight.numpy() != old).any()
    }
    with_weights = {layer.name for layer in model.layers if layer.trainable_weights}
    assert learnt == with_weights and len(learnt) > 1
    model.save(tmp_path / "model.embedcnn")
    again = models.load_model(tmp_path / "model.embedcnn")
    assert np.array_equal(predicted(again, ids), predicted(model, ids))


def test_layers_have_the_names_of_modules_and_are_fused():
    model = models.load_onnx(FILES["text_cnn"], name="kim")
    assert model.name == "kim"
    names = {layer.name for layer in model.layers}
    assert {"embedding", "convs.0", "convs.1", "convs.2", "fc"} <= names
    assert "= token_conv_pool(" in str(model.lowered())
    assert [type(layer).__name__ for layer in models.load_onnx(FILES["bilstm"]).layers] == [
        *("InputLayer", "Embedding", "Bidirectional", "Bidirectional", "Dense")
    ]


def test_what_is_read_twice_is_one_layer():
    model = models.load_onnx(FILES["siamese"])
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("Embedding") == kinds.count("Conv1D") == 1


def test_open_sizes_may_be_given():
    model = models.load_onnx(FILES["text_cnn_max"], input_shapes={"ids": (None, 9)})
    assert model.inputs[0].shape == (None, 9)


@pytest.mark.parametrize("name", ["text_cnn", "bilstm", "gru"])
def test_exported_now(name, tmp_path):
    """By the exporter that needs nothing but PyTorch; the other one has stored files above."""
    pytest.importorskip("torch")
    from golden.torch_text_models import built, exported

    model, ids = built(name)
    exported(model, ids, tmp_path / "model.onnx", "torchscript")
    found = predicted(models.load_onnx(tmp_path / "model.onnx"), ids[0].numpy())
    np.testing.assert_allclose(found, model(*ids).detach().numpy(), atol=1e-5)
