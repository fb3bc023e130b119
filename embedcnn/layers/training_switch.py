"""TrainingSwitch: what a layer or model of one's own does in training, or what it does in inference.

Tracing makes one where `call` asks `if training`; lowering takes one or the other (lowering/translate.py).
"""

from __future__ import annotations

from .base import Layer


class TrainingSwitch(Layer):
    """The first of two tensors in training, the second in inference. As keras.backend.in_train_phase.

    >>> import embedcnn
    >>> TrainingSwitch()([embedcnn.Input((2,)), embedcnn.Input((2,))]).shape
    (None, 2)
    """

    inputs_many = True
