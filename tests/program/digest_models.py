"""Small models of every kind, trained for some steps with fixed seeds; digest_cases.py names them.

Each function trains one and gives its weights and predictions. They use the public Python API alone, so that
they run on any version of embedcnn.
"""

import numpy as np

import embedcnn
from embedcnn import layers, losses, optimizers

COUNT, VOCABULARY, STEPS, BATCH, CLASSES = 160, 400, 24, 32, 4
SPARSE = "sparse_categorical_crossentropy"


def ids(count=COUNT, steps=STEPS, vocabulary=VOCABULARY, padded=False, seed=0):
    """Token ids (count, steps), rare and frequent ones; `padded`: unequal lengths, zeros behind them."""
    random = np.random.default_rng(seed)
    x = 1 + (random.random((count, steps)) ** 3 * (vocabulary - 1)).astype(np.int32)
    if padded:
        x[np.arange(steps) >= random.integers(1, steps + 1, (count, 1))] = 0
    return x


def ragged(**settings):
    """The same as a Ragged batch; one text is empty."""
    x = ids(padded=True, **settings)
    x[5] = 0
    return embedcnn.Ragged.from_sequences([row[row > 0] for row in x])


def classes(count=COUNT, classes=CLASSES, seed=1):
    return np.random.default_rng(seed).integers(0, classes, count)


def numbers(*shape, seed=2):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def tokens(steps=None):
    return embedcnn.Input((steps,), dtype="int32")


def compiled(inputs, outputs, optimizer="adam", loss=SPARSE, **settings):
    model = embedcnn.Model(inputs, outputs, seed=7)
    model.compile(optimizer, loss, **settings)
    return model


def trained(model, x, y, epochs=2, batch_size=BATCH, **settings):
    """What a digest is of: the weights after training, and predictions."""
    model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0, **settings)
    found = model.predict(x, batch_size=batch_size, verbose=0)
    return [*model.get_weights(), *(found if isinstance(found, list) else [found])]


def classified(layer_of, x=None, mask_zero=False, optimizer="adam", **settings):
    """A classifier: an embedding, `layer_of` (sequence -> vector), softmax."""
    words = tokens()
    out = layer_of(layers.Embedding(VOCABULARY, 12, mask_zero=mask_zero)(words))
    model = compiled(words, layers.Dense(CLASSES, activation="softmax")(out), optimizer)
    return trained(model, ids(padded=mask_zero) if x is None else x, classes(), **settings)


def stack(*parts):
    """The layers one above the other, as one function."""

    def apply(x):
        for part in parts:
            x = part(x)
        return x

    return apply


def kim(trainable=True, before=None, activation="relu", between=False, x=None, optimizer="adam", **embedding):
    """The text CNN of Kim; `between`: an Activation and a pooling of their own, which are not fused."""
    words = tokens()
    table = layers.Embedding(VOCABULARY, 64, trainable=trainable, **embedding)(words)
    table = before(table) if before else table
    branches = []
    for width in (3, 4, 5):
        branch = layers.Conv1D(50, width, activation=None if between else activation)(table)
        if between:
            branch = layers.Activation(activation)(layers.Dropout(0.1)(branch))
        branches.append(layers.GlobalMaxPooling1D()(branch))
    out = layers.Dropout(0.5)(layers.Concatenate()(branches))
    model = compiled(words, layers.Dense(CLASSES, activation="softmax")(out), optimizer)
    return trained(model, ids(padded=bool(embedding)) if x is None else x, classes())


def sequential(*parts, x, y, loss=SPARSE, optimizer="adam", **settings):
    model = embedcnn.Sequential(list(parts), seed=7)
    model.compile(optimizer, loss)
    return trained(model, x, y, **settings)


def bidirectional(mode):
    inner = layers.LSTM(9, return_sequences=True)
    return classified(
        stack(layers.Bidirectional(inner, merge_mode=mode), layers.GlobalMaxPooling1D()), mask_zero=True
    )


def both_directions():
    """merge_mode=None: two tensors."""

    def apply(x):
        return layers.Concatenate()(layers.Bidirectional(layers.GRU(9), merge_mode=None)(x))

    return classified(apply, mask_zero=True)


def bag_of_ngrams():
    ngrams = layers.HashedNgrams(VOCABULARY, 1024, 3)
    words = tokens()
    x = layers.GlobalAveragePooling1D()(layers.Embedding(ngrams.size, 16, mask_zero=True)(ngrams(words)))
    return trained(
        compiled(words, layers.Dense(CLASSES, activation="softmax")(x)), ids(padded=True), classes()
    )


def attention():
    """Scores of each step against each by Dot, softmax, weighted sums."""

    def apply(x):
        scores = layers.Softmax()(layers.Dot(axes=2)([layers.Dense(12)(x), x]))
        return layers.GlobalAveragePooling1D()(layers.Dot(axes=(2, 1))([scores, x]))

    words = tokens(STEPS)
    out = layers.Dense(CLASSES, activation="softmax")(apply(layers.Embedding(VOCABULARY, 12)(words)))
    return trained(compiled(words, out), ids(), classes())


def siamese():
    """Two texts through one table and one convolution; a distance."""
    left, right = tokens(), tokens()
    table, convolution = layers.Embedding(VOCABULARY, 12), layers.Conv1D(10, 3, activation="tanh")
    a, b = (layers.GlobalMaxPooling1D()(convolution(table(one))) for one in (left, right))
    out = layers.Dense(1, activation="sigmoid")(
        layers.Concatenate()([layers.Subtract()([a, b]), layers.Multiply()([a, b])])
    )
    model = compiled([left, right], out, "rmsprop", "binary_crossentropy")
    return trained(model, [ids(), ids(seed=3)], classes(classes=2))


def several_outputs():
    words, facts = tokens(), embedcnn.Input((6,))
    x = layers.GRU(10)(layers.Embedding(VOCABULARY, 12, mask_zero=True)(words))
    x = layers.Concatenate()([x, layers.Dense(5, activation="gelu")(facts)])
    outputs = [
        layers.Dense(CLASSES)(x),
        layers.Dense(3, activation="sigmoid")(x),
        layers.Dense(2)(x),
    ]
    chosen = [losses.SparseCategoricalCrossentropy(from_logits=True), "binary_focal_crossentropy", "huber"]
    model = compiled([words, facts], outputs, "adamw", chosen, loss_weights=[1.0, 0.5, 0.2])
    labels = [classes(), (numbers(COUNT, 3) > 0).astype(np.float32), numbers(COUNT, 2)]
    return trained(model, [ids(padded=True), numbers(COUNT, 6)], labels)


def optimized(optimizer):
    """A small text CNN under an optimizer, trained in three epochs, with a short last batch."""
    return classified(
        stack(layers.Conv1D(14, 3, activation="relu"), layers.GlobalMaxPooling1D()),
        optimizer=optimizer,
        epochs=3,
        batch_size=20,
    )


def governed():
    """Penalties and constraints of a table and of kernels."""
    words = tokens()
    x = layers.Embedding(
        VOCABULARY,
        12,
        embeddings_regularizer="l2",
        embeddings_constraint=embedcnn.constraints.MaxNorm(0.2, axis=1),
    )(words)
    x = layers.Conv1D(
        12, 3, kernel_regularizer=embedcnn.regularizers.L1L2(1e-3, 1e-3), kernel_constraint="unit_norm"
    )(x)
    x = layers.GlobalMaxPooling1D()(layers.Activation("relu", activity_regularizer="l1")(x))
    out = layers.Dense(CLASSES, activation="softmax", bias_constraint="non_neg")(x)
    return trained(compiled(words, out), ids(), classes())


def language_model(vocabulary, stateful=False, **optimizer):
    """Every next token; from 2,048 classes on the logits are made in tiles."""
    x = ids(64, 21, vocabulary)
    model = embedcnn.Sequential(
        [
            embedcnn.Input((20,), batch_size=BATCH if stateful else None, dtype="int32"),
            layers.Embedding(vocabulary, 16),
            layers.LSTM(24, return_sequences=True, stateful=stateful),
            layers.Dropout(0.1),
            layers.Dense(vocabulary),
        ],
        seed=7,
    )
    model.compile(optimizers.Adam(0.01, **optimizer), losses.SparseCategoricalCrossentropy(from_logits=True))
    return trained(model, x[:, :-1], x[:, 1:], shuffle=not stateful)


def carried(level):
    """A language model of a text whose state goes on from window to window."""
    random = np.random.default_rng(4)
    words = ["".join(random.choice(list("etaoinshr"), random.integers(2, 6))) for _ in range(120)]
    text = " ".join(random.choice(words, 1500))
    kind = embedcnn.CharLanguageModel if level == "char" else embedcnn.WordLanguageModel
    writer = kind(text, embedding_dim=12, units=20, layer_count=2, dropout=0.1, seed=3)
    writer.fit(text, length=20, batch_size=4, epochs=1, carry_state=True, validation_split=0.1, verbose=0)
    written = writer.generate("".join(text.split(" ")[0]), 30, temperature=0.8, seed=1)
    return [*writer.model.get_weights(), np.frombuffer(written.encode(), np.uint8)]


class Scaled(layers.Layer):
    """A layer written in Python, with a weight."""

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer="ones")

    def forward(self, x, training=False):
        return x * self.scale.value, lambda d_y: (d_y * self.scale.value, [(d_y * x).sum((0, 1))])


def squares(y_true, y_pred):
    """A loss written in Python: values and gradient."""
    difference = y_pred - y_true
    return (difference**2).mean(-1), 2 * difference / difference.shape[-1]


def python_layer():
    return classified(stack(Scaled(), layers.Conv1D(8, 2), layers.GlobalMaxPooling1D()))


def python_loss():
    words = tokens()
    x = layers.GlobalAveragePooling1D()(layers.Embedding(VOCABULARY, 12)(words))
    return trained(compiled(words, layers.Dense(3)(x), loss=squares), ids(), numbers(COUNT, 3))


def nested():
    """A model inside a model, called twice."""
    inner = embedcnn.Sequential(
        [embedcnn.Input((None,), dtype="int32"), layers.Embedding(VOCABULARY, 12), layers.GRU(8)]
    )
    left, right = tokens(), tokens()
    out = layers.Dense(1)(layers.Concatenate()([inner(left), inner(right)]))
    return trained(compiled([left, right], out, "nadam", "mse"), [ids(), ids(seed=3)], numbers(COUNT, 1))


def labelled_steps(loss, y, units, **settings):
    """Labels of every step, masked."""
    words = tokens(STEPS)
    x = layers.LSTM(10, return_sequences=True)(layers.Embedding(VOCABULARY, 12, mask_zero=True)(words))
    out = layers.TimeDistributed(layers.Dense(units))(x)
    return trained(compiled(words, out, loss=loss), ids(padded=True), y, **settings)


def in_precision(precision):
    """The same model with another precision of matrix products (float32 where the machine has no other)."""
    before = embedcnn.get_float32_matmul_precision()
    embedcnn.set_float32_matmul_precision(precision)
    try:
        return [*kim(before=layers.SpatialDropout1D(0.2)), *classified(layers.LSTM(32))]
    finally:
        embedcnn.set_float32_matmul_precision(before)


def padded_then_convolved(**convolution):
    """A masked sequence, pooled and convolved twice."""
    return classified(
        stack(
            layers.Conv1D(12, 3, padding="same", activation="relu", **convolution),
            layers.MaxPooling1D(2),
            layers.Conv1D(10, 3, padding="same", activation="elu"),
            layers.AveragePooling1D(2, padding="same"),
            layers.GlobalAveragePooling1D(),
        ),
        mask_zero=True,
    )


def normalized(layer):
    return classified(
        stack(layers.Conv1D(12, 3, padding="same"), layer, layers.ReLU(), layers.GlobalMaxPooling1D()),
        mask_zero=True,
    )


def one_hot(y=None, units=CLASSES):
    return np.eye(units, dtype=np.float32)[classes() if y is None else y]


def text_cnn_with(loss, y, units, activation=None, **settings):
    return sequential(
        *(layers.Embedding(VOCABULARY, 12), layers.Conv1D(12, 3, activation="relu")),
        *(layers.GlobalMaxPooling1D(), layers.Dense(units, activation=activation)),
        **{"x": ids(), "y": y, "loss": loss, **settings},
    )
