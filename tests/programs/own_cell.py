"""A recurrent cell of one's own inside RNN: Keras's MinimalRNNCell."""

import keras
from keras import layers, ops
from start import begin, numbers, ten_epochs

x, y = numbers(12, 6, 5), numbers(12, 1, seed=1)


class MinimalRNNCell(keras.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="uniform", name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, self.units), initializer="uniform", name="recurrent_kernel"
        )

    def call(self, inputs, states):
        prev_output = states[0]
        h = ops.matmul(inputs, self.kernel)
        output = ops.tanh(h + ops.matmul(prev_output, self.recurrent_kernel))
        return output, [output]


inputs = keras.Input((6, 5))
x1 = layers.RNN(MinimalRNNCell(7), return_sequences=True)(inputs)
x2 = layers.RNN(MinimalRNNCell(4))(x1)
model = keras.Model(inputs, layers.Dense(1)(x2))
model.compile(optimizer="adam", loss="mse")
begin(model)
losses = ten_epochs(model, x, y)
