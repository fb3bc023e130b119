"""Who likes which film: vectors and biases of users and films. Keras's example, of layers alone."""

import keras
import numpy as np
from keras import layers
from start import begin, ten_epochs

random = np.random.default_rng(0)
num_users, num_movies = 12, 15
x = np.stack([random.integers(0, num_users, 60), random.integers(0, num_movies, 60)], axis=1)
y = random.random(60).astype("float32")


class RecommenderNet(keras.Model):
    def __init__(self, num_users, num_movies, embedding_size, **kwargs):
        super().__init__(**kwargs)
        self.user_embedding = layers.Embedding(
            num_users, embedding_size, embeddings_regularizer=keras.regularizers.l2(1e-3)
        )
        self.user_bias = layers.Embedding(num_users, 1)
        self.movie_embedding = layers.Embedding(
            num_movies, embedding_size, embeddings_regularizer=keras.regularizers.l2(1e-3)
        )
        self.movie_bias = layers.Embedding(num_movies, 1)
        self.dot, self.flat = layers.Dot(axes=2), layers.Flatten()

    def call(self, inputs):
        users, movies = inputs
        user_vector, movie_vector = self.user_embedding(users), self.movie_embedding(movies)
        products = self.flat(self.dot([user_vector, movie_vector]))
        x = products + self.flat(self.user_bias(users)) + self.flat(self.movie_bias(movies))
        return layers.Activation("sigmoid")(x)


model = RecommenderNet(num_users, num_movies, 6)
optimizer = keras.optimizers.Adam(learning_rate=0.001)
model.compile(loss=keras.losses.BinaryCrossentropy(), optimizer=optimizer)
model([x[:1, :1], x[:1, 1:]])
begin(model)
losses = ten_epochs(model, [x[:, :1], x[:, 1:]], y)
