"""Skip-grams with negative samples: a subclass of Model with two embeddings (TensorFlow's tutorial)."""

import keras
import numpy as np
from keras import layers
from start import begin, ten_epochs

random = np.random.default_rng(0)
vocab_size, num_ns = 30, 4
targets = random.integers(1, vocab_size, (40, 1))
contexts = random.integers(1, vocab_size, (40, num_ns + 1))
labels = np.eye(num_ns + 1, dtype="float32")[np.zeros(40, int)]


class Word2Vec(keras.Model):
    def __init__(self, vocab_size, embedding_dim):
        super().__init__()
        self.target_embedding = layers.Embedding(vocab_size, embedding_dim, name="w2v_embedding")
        self.context_embedding = layers.Embedding(vocab_size, embedding_dim)
        self.dots = layers.Dot(axes=(2, 2))
        self.flatten = layers.Flatten()

    def call(self, pair):
        target, context = pair
        word_emb = self.target_embedding(target)
        context_emb = self.context_embedding(context)
        return self.flatten(self.dots([context_emb, word_emb]))


model = Word2Vec(vocab_size, 8)
model.compile(
    optimizer="adam", loss=keras.losses.CategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
)
model([targets[:1], contexts[:1]])
begin(model)
losses = ten_epochs(model, [targets, contexts], labels)
vectors = model.get_layer("w2v_embedding").get_weights()[0]
assert vectors.shape == (vocab_size, 8)
