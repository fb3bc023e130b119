"""A text CNN as a subclass of Model, with a block of one's own; trained and saved as any other."""

import keras
from keras import layers
from start import begin, ten_epochs, words

ids, y = words(20, 14, 40)


class ConvBlock(layers.Layer):
    def __init__(self, filters, kernel_size, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.conv = layers.Conv1D(filters, kernel_size, activation="relu")
        self.pool = layers.GlobalMaxPooling1D()
        self.dropout = layers.Dropout(0.0)

    def call(self, inputs, training=False):
        x = self.pool(self.conv(inputs))
        return self.dropout(x, training=training)

    def get_config(self):
        config = super().get_config()
        config.update({"filters": self.filters, "kernel_size": self.kernel_size})
        return config


class TextCNN(keras.Model):
    def __init__(self, vocabulary, dimension, classes, **kwargs):
        super().__init__(**kwargs)
        self.embedding = layers.Embedding(vocabulary, dimension)
        self.blocks = [ConvBlock(5, size) for size in (2, 3, 4)]
        self.concatenate = layers.Concatenate()
        self.classifier = layers.Dense(classes, activation="softmax")

    def call(self, inputs, training=False):
        x = self.embedding(inputs)
        x = self.concatenate([block(x, training=training) for block in self.blocks])
        return self.classifier(x)


model = TextCNN(40, 8, 2)
model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
model(ids[:1])
begin(model)
losses = ten_epochs(model, ids, y)
