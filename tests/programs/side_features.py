"""A text beside what else is known of it: its author, its year, its tags, by the layers that prepare them."""

import keras
import numpy as np
from keras import layers
from start import begin, ten_epochs, words

ids, y = words(16, 8, 20)
authors = np.array([["ann"], ["bob"], ["eve"], ["zoe"]] * 4)
years = np.array([[1999], [2004], [2010], [2004]] * 4)
tags = np.array([[0, 2], [1, 1], [3, 0], [2, 3]] * 4)

year_lookup = layers.IntegerLookup(output_mode="one_hot")
year_lookup.adapt(years)
year_features = np.asarray(year_lookup(years))
author_ids = np.asarray(layers.StringLookup(vocabulary=["ann", "bob", "eve"])(authors))
author_bins = np.asarray(layers.Hashing(6)(authors))
tag_features = np.asarray(layers.CategoryEncoding(num_tokens=4, output_mode="multi_hot")(tags))

text = keras.Input((8,), dtype="int32", name="text")
author = keras.Input((1,), dtype="int32", name="author")
author_bin = keras.Input((1,), dtype="int32", name="author_bin")
others = keras.Input((year_features.shape[1] + 4,), name="others")
x = layers.GlobalAveragePooling1D()(layers.Embedding(20, 6)(text))
known = layers.Flatten()(layers.Embedding(4, 3)(author))
hashed = layers.Flatten()(layers.Embedding(6, 3)(author_bin))
x = layers.Concatenate()([x, known, hashed, others])
x = layers.Dense(8, activation="gelu")(x)
model = keras.Model([text, author, author_bin, others], layers.Dense(1, activation="sigmoid")(x))
model.compile(loss="binary_crossentropy", optimizer="adam")
begin(model)
x = {
    "text": ids,
    "author": author_ids,
    "author_bin": author_bins,
    "others": np.concatenate([year_features, tag_features], axis=1).astype("float32"),
}
losses = ten_epochs(model, x, y)
