"""Layers of one's own with weights and ops, and a block of them: Keras's guide to making new layers."""

import keras
from keras import layers, ops
from start import begin, numbers, ten_epochs

x, y = numbers(20, 8), numbers(20, 1, seed=2)


class Linear(keras.layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True, name="w"
        )
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True, name="b")

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b


class MLPBlock(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.linear_1 = Linear(6)
        self.linear_2 = Linear(5)
        self.linear_3 = Linear(1)

    def call(self, inputs):
        x = self.linear_1(inputs)
        x = keras.activations.relu(x)
        x = self.linear_2(x)
        x = ops.tanh(x)
        return self.linear_3(x)


inputs = keras.Input((8,))
model = keras.Model(inputs, MLPBlock()(layers.LayerNormalization()(inputs)))
model.compile(optimizer="adam", loss="mse")
begin(model)
losses = ten_epochs(model, x, y)
