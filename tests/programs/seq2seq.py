"""Character-level translation: the decoder begins with the states of the encoder. Keras's example."""

import keras
import numpy as np
from start import begin, ten_epochs

random = np.random.default_rng(0)
num_encoder_tokens, num_decoder_tokens, latent_dim = 9, 11, 8
encoder_input_data = np.eye(num_encoder_tokens, dtype="float32")[random.integers(0, 9, (12, 7))]
ids = random.integers(0, 11, (12, 6))
decoder_input_data = np.eye(num_decoder_tokens, dtype="float32")[ids[:, :-1]]
decoder_target_data = np.eye(num_decoder_tokens, dtype="float32")[ids[:, 1:]]

encoder_inputs = keras.Input(shape=(None, num_encoder_tokens))
encoder = keras.layers.LSTM(latent_dim, return_state=True)
encoder_outputs, state_h, state_c = encoder(encoder_inputs)
encoder_states = [state_h, state_c]
decoder_inputs = keras.Input(shape=(None, num_decoder_tokens))
decoder_lstm = keras.layers.LSTM(latent_dim, return_sequences=True, return_state=True)
decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=encoder_states)
decoder_dense = keras.layers.Dense(num_decoder_tokens, activation="softmax")
decoder_outputs = decoder_dense(decoder_outputs)
model = keras.Model([encoder_inputs, decoder_inputs], decoder_outputs)
model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
begin(model)
losses = ten_epochs(model, [encoder_input_data, decoder_input_data], decoder_target_data)

encoder_model = keras.Model(encoder_inputs, encoder_states)
states_inputs = [keras.Input(shape=(latent_dim,)), keras.Input(shape=(latent_dim,))]
outputs, h, c = decoder_lstm(decoder_inputs, initial_state=states_inputs)
decoder_model = keras.Model([decoder_inputs, *states_inputs], [decoder_dense(outputs), h, c])
states = encoder_model.predict(encoder_input_data[:1], verbose=0)
target_seq, decoded = np.zeros((1, 1, num_decoder_tokens)), []
for _ in range(5):
    output_tokens, h, c = decoder_model.predict([target_seq, *states], verbose=0)
    decoded.append(int(np.argmax(output_tokens[0, -1, :])))
    target_seq = np.eye(num_decoder_tokens)[[[decoded[-1]]]]
    states = [h, c]
