"""A story, a question, an answer: Keras's memory network (Sukhbaatar and others 2015) of the bAbI tasks."""

import keras
import numpy as np
from keras import layers
from start import begin, ten_epochs, words

story_maxlen, query_maxlen, vocab_size = 12, 4, 20
stories, _ = words(16, story_maxlen, vocab_size)
queries, _ = words(16, query_maxlen, vocab_size, seed=1)
answers = np.random.default_rng(0).integers(0, vocab_size, 16)

input_sequence = keras.Input((story_maxlen,))
question = keras.Input((query_maxlen,))
input_encoder_m = keras.Sequential([layers.Embedding(vocab_size, 8), layers.Dropout(0.0)])
input_encoder_c = keras.Sequential([layers.Embedding(vocab_size, query_maxlen), layers.Dropout(0.0)])
question_encoder = keras.Sequential([layers.Embedding(vocab_size, 8), layers.Dropout(0.0)])
input_encoded_m = input_encoder_m(input_sequence)
input_encoded_c = input_encoder_c(input_sequence)
question_encoded = question_encoder(question)
match = layers.dot([input_encoded_m, question_encoded], axes=(2, 2))
match = layers.Activation("softmax")(match)
response = layers.add([match, input_encoded_c])
response = layers.Permute((2, 1))(response)
answer = layers.concatenate([response, question_encoded])
answer = layers.LSTM(10)(answer)
answer = layers.Dropout(0.0)(answer)
answer = layers.Dense(vocab_size)(answer)
answer = layers.Activation("softmax")(answer)
model = keras.Model([input_sequence, question], answer)
model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
begin(model)
losses = ten_epochs(model, [stories, queries], answers)
