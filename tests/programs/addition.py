"""Sums of two numbers, digit by digit, by one LSTM that reads and one that writes. Keras's addition_rnn."""

import keras
import numpy as np
from keras import layers
from start import begin, ten_steps

chars = "0123456789+ "
table = {char: number for number, char in enumerate(chars)}
random = np.random.default_rng(0)
pairs = random.integers(0, 99, (20, 2))
questions = [f"{a}+{b}".ljust(5)[::-1] for a, b in pairs]
answers = [str(a + b).ljust(3) for a, b in pairs]
x = np.eye(len(chars))[[[table[char] for char in text] for text in questions]]
y = np.eye(len(chars))[[[table[char] for char in text] for text in answers]]

model = keras.Sequential()
model.add(layers.Input((5, len(chars))))
model.add(layers.LSTM(16))
model.add(layers.RepeatVector(3))
for _ in range(1):
    model.add(layers.LSTM(16, return_sequences=True))
model.add(layers.Dense(len(chars), activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
begin(model)
losses = ten_steps(model, x, y)
