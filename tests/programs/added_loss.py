"""A variational layer: what it draws (here nothing) and a Kullback-Leibler loss that it adds itself."""

import keras
from keras import layers, ops
from start import begin, numbers, ten_epochs

x = numbers(20, 8)


class Variational(layers.Layer):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.mean, self.log_var = layers.Dense(size), layers.Dense(size)

    def call(self, inputs):
        mean, log_var = self.mean(inputs), self.log_var(inputs)
        kl_loss = -0.5 * ops.mean(log_var - ops.square(mean) - ops.exp(log_var) + 1)
        self.add_loss(kl_loss)
        return mean + 0.1 * ops.exp(0.5 * log_var)


class AutoEncoder(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.encoder = layers.Dense(6, activation="relu")
        self.variational = Variational(3)
        self.decoder = keras.Sequential([layers.Dense(6, activation="relu"), layers.Dense(8)])

    def call(self, inputs):
        return self.decoder(self.variational(self.encoder(inputs)))


model = AutoEncoder()
model.compile(optimizer="adam", loss=keras.losses.MeanSquaredError())
model(x[:1])
begin(model)
losses = ten_epochs(model, x, x)
