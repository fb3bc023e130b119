"""Two texts through one LSTM, and how near they are: a siamese network of questions."""

import keras
from keras import layers
from start import begin, ten_epochs, words

left, y = words(18, 9, 30)
right, _ = words(18, 9, 30, seed=3)

encoder = keras.Sequential(
    [keras.Input((9,), dtype="int32"), layers.Embedding(30, 7, mask_zero=True), layers.LSTM(6)]
)
first, second = keras.Input((9,), dtype="int32"), keras.Input((9,), dtype="int32")
one, other = encoder(first), encoder(second)
difference = layers.Subtract()([one, other])
features = layers.concatenate(
    [layers.Multiply()([difference, difference]), layers.Dot(1, normalize=True)([one, other])]
)
model = keras.Model([first, second], layers.Dense(1, activation="sigmoid")(features))
model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.01))
begin(model)
losses = ten_epochs(model, [left, right], y)
