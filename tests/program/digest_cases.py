"""The models whose bits digests.py tells: MODELS, name -> function that trains it and gives weights and
predictions.
"""

import numpy as np
from program.digest_models import (
    CLASSES,
    COUNT,
    SPARSE,
    STEPS,
    VOCABULARY,
    attention,
    bag_of_ngrams,
    bidirectional,
    both_directions,
    carried,
    classes,
    classified,
    governed,
    ids,
    in_precision,
    kim,
    labelled_steps,
    language_model,
    nested,
    normalized,
    numbers,
    one_hot,
    optimized,
    padded_then_convolved,
    python_layer,
    python_loss,
    ragged,
    sequential,
    several_outputs,
    siamese,
    stack,
    text_cnn_with,
)

import embedcnn
from embedcnn import layers, losses, optimizers

MODELS = {
    "kim trainable": kim,
    "kim frozen": lambda: kim(trainable=False),
    "kim spatial dropout": lambda: kim(before=layers.SpatialDropout1D(0.3)),
    "kim dropout of the table": lambda: kim(before=layers.Dropout(0.3)),
    "kim unfused": lambda: kim(between=True),
    "kim masked": lambda: kim(mask_zero=True),
    "kim ragged": lambda: kim(x=ragged(), mask_zero=True),
    "kim gelu": lambda: kim(activation="gelu"),
    "kim dense update": lambda: kim(optimizer=optimizers.Adam(embedding_update="dense")),
    "kim noise": lambda: kim(before=stack(layers.GaussianNoise(0.1), layers.GaussianDropout(0.2))),
    "cnn1": lambda: sequential(
        *(layers.Embedding(VOCABULARY, 24), layers.Conv1D(32, 5, activation="relu")),
        *(layers.GlobalMaxPooling1D(), layers.Dense(16, activation="relu")),
        *(layers.Dense(CLASSES, activation="softmax"),),
        x=ids(),
        y=classes(),
    ),
    "stacked convolutions": padded_then_convolved,
    "dilated": lambda: padded_then_convolved(dilation_rate=2),
    "strided, causal": lambda: classified(
        stack(
            layers.Conv1D(8, 3, padding="causal"),
            layers.Conv1D(8, 3, strides=2, groups=2, activation="relu"),
            layers.GlobalMaxPooling1D(),
        )
    ),
    "depthwise": lambda: classified(
        stack(layers.DepthwiseConv1D(3, depth_multiplier=2), layers.ReLU(), layers.GlobalMaxPooling1D())
    ),
    "separable": lambda: classified(
        stack(layers.SeparableConv1D(9, 3, padding="same", activation="relu"), layers.GlobalMaxPooling1D()),
        mask_zero=True,
    ),
    "flattened": lambda: sequential(
        *(embedcnn.Input((STEPS,), dtype="int32"), layers.Embedding(VOCABULARY, 6), layers.Flatten()),
        *(layers.Dense(CLASSES, activation="softmax"),),
        x=ids(),
        y=classes(),
    ),
    "permuted": lambda: sequential(
        *(embedcnn.Input((STEPS,), dtype="int32"), layers.Embedding(VOCABULARY, 6), layers.Permute((2, 1))),
        *(layers.Dense(5, activation="tanh"), layers.Reshape((10, 3)), layers.GlobalAveragePooling1D()),
        *(layers.RepeatVector(3), layers.SimpleRNN(4), layers.Dense(CLASSES, activation="softmax")),
        x=ids(),
        y=classes(),
    ),
    "lstm": lambda: classified(layers.LSTM(24)),
    "lstm masked": lambda: classified(layers.LSTM(24, return_sequences=False), mask_zero=True),
    "lstm ragged": lambda: classified(layers.LSTM(24), x=ragged(), mask_zero=True),
    "lstm dropout": lambda: classified(layers.LSTM(12, dropout=0.2, recurrent_dropout=0.2), mask_zero=True),
    "lstm stateful": lambda: language_model(60, stateful=True),
    "gru": lambda: classified(layers.GRU(20), mask_zero=True),
    "gru before": lambda: classified(layers.GRU(20, reset_after=False, go_backwards=True)),
    "simple rnn": lambda: classified(layers.SimpleRNN(20, activation="relu"), mask_zero=True),
    "stacked lstm": lambda: classified(
        stack(layers.LSTM(12, return_sequences=True), layers.Dropout(0.2), layers.LSTM(10)), x=ragged()
    ),
    "stacked cells": lambda: classified(
        layers.RNN([layers.LSTMCell(10), layers.GRUCell(9), layers.SimpleRNNCell(8)]), mask_zero=True
    ),
    **{
        f"bidirectional {mode}": lambda mode=mode: bidirectional(mode)
        for mode in ("concat", "sum", "mul", "ave")
    },
    "bidirectional both": both_directions,
    "mean bag": lambda: classified(layers.GlobalAveragePooling1D(), mask_zero=True),
    "mean bag ragged": lambda: classified(layers.GlobalAveragePooling1D(), x=ragged(), mask_zero=True),
    "hashed n-grams": bag_of_ngrams,
    "batch normalization": lambda: normalized(layers.BatchNormalization(momentum=0.8)),
    "layer normalization": lambda: normalized(layers.LayerNormalization()),
    "unit normalization": lambda: normalized(layers.UnitNormalization()),
    "prelu": lambda: normalized(layers.PReLU(shared_axes=[1])),
    "weight normalization": lambda: classified(
        stack(layers.WeightNormalization(layers.Conv1D(10, 3)), layers.GlobalMaxPooling1D())
    ),
    "attention": attention,
    "siamese": siamese,
    "several outputs": several_outputs,
    "nested": nested,
    "governed": governed,
    "python layer": python_layer,
    "python loss": python_loss,
    "masked numbers": lambda: sequential(
        *(embedcnn.Input((8, 5)), layers.Masking(), layers.GRU(8), layers.Dense(2)),
        x=numbers(COUNT, 8, 5) * (numbers(COUNT, 8, 1, seed=5) > 0),
        y=numbers(COUNT, 2, seed=6),
        loss="mse",
    ),
    "language model, few words": lambda: language_model(200),
    "language model, many words": lambda: language_model(3000, global_clipnorm=1.0),
    "language model of characters": lambda: carried("char"),
    "language model of words": lambda: carried("word"),
    "labels of steps": lambda: labelled_steps(
        losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0),
        classes(COUNT * STEPS).reshape(COUNT, -1),
        4,
    ),
    "weights of steps": lambda: labelled_steps(
        "mse", numbers(COUNT, STEPS, 2), 2, sample_weight=np.abs(numbers(COUNT, STEPS, seed=8))
    ),
    "sample weights": lambda: text_cnn_with(
        SPARSE, classes(), CLASSES, "softmax", sample_weight=np.abs(numbers(COUNT))
    ),
    "class weights": lambda: text_cnn_with(
        SPARSE, classes(), CLASSES, "softmax", class_weight={0: 0.5, 1: 2.0, 2: 1.0, 3: 0.0}
    ),
    "label smoothing": lambda: text_cnn_with(
        losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1), one_hot(), CLASSES
    ),
    **{
        f"loss {name}": lambda name=name: text_cnn_with(name, one_hot(), CLASSES, "softmax")
        for name in (
            "categorical_focal_crossentropy",
            "kl_divergence",
            "poisson",
            "cosine_similarity",
            "categorical_hinge",
        )
    },
    **{
        f"loss {name}": lambda name=name: text_cnn_with(name, 2 * one_hot() - 1, CLASSES)
        for name in ("hinge", "squared_hinge")
    },
    **{
        f"loss {name}": lambda name=name: text_cnn_with(name, numbers(COUNT, CLASSES), CLASSES)
        for name in ("mae", "mape", "log_cosh", "huber")
    },
    **{
        f"{cls.__name__} {update}": lambda cls=cls, update=update: optimized(
            cls(0.01, embedding_update=update, weight_decay=0.02 if cls is optimizers.AdamW else 0.01)
        )
        for cls in (
            *(optimizers.SGD, optimizers.Adam, optimizers.AdamW, optimizers.Adamax, optimizers.Nadam),
            *(optimizers.RMSprop, optimizers.Adagrad, optimizers.Adadelta),
        )
        for update in ("lazy", "dense")
    },
    "nesterov": lambda: optimized(optimizers.SGD(0.05, momentum=0.9, nesterov=True)),
    "centred": lambda: optimized(optimizers.RMSprop(0.01, momentum=0.5, centered=True)),
    "clipnorm": lambda: optimized(optimizers.Adam(0.01, clipnorm=0.05)),
    "clipvalue": lambda: optimized(optimizers.SGD(0.1, clipvalue=0.001)),
    "global clipnorm": lambda: optimized(optimizers.Adagrad(0.1, global_clipnorm=0.05)),
    "moving averages": lambda: optimized(
        optimizers.Adam(0.01, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=4)
    ),
    "accumulation": lambda: optimized(optimizers.Adam(0.01, gradient_accumulation_steps=2)),
    "schedule": lambda: optimized(optimizers.Adam(optimizers.schedules.ExponentialDecay(0.01, 3, 0.8))),
    "precision high": lambda: in_precision("high"),
    "precision medium": lambda: in_precision("medium"),
}
