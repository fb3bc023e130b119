"""Keras's miniature GPT: token and position embeddings, a causal Transformer block, a word to predict."""

import keras
from keras import layers, ops
from start import begin, ten_epochs, words

maxlen, vocab_size, embed_dim = 8, 30, 8
ids, _ = words(10, maxlen + 1, vocab_size)
x, y = ids[:, :-1], ids[:, 1:]


def causal_attention_mask(batch_size, n_dest, n_src, dtype):
    i = ops.arange(n_dest)[:, None]
    j = ops.arange(n_src)
    m = i >= j - n_src + n_dest
    return ops.reshape(ops.cast(m, dtype), [1, n_dest, n_src])


class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.0):
        super().__init__()
        self.att = layers.MultiHeadAttention(num_heads, embed_dim)
        self.ffn = keras.Sequential([layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)])
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = layers.Dropout(rate)
        self.dropout2 = layers.Dropout(rate)

    def call(self, inputs):
        input_shape = ops.shape(inputs)
        causal_mask = causal_attention_mask(input_shape[0], input_shape[1], input_shape[1], "bool")
        attention_output = self.att(inputs, inputs, attention_mask=causal_mask)
        attention_output = self.dropout1(attention_output)
        out1 = self.layernorm1(inputs + attention_output)
        ffn_output = self.dropout2(self.ffn(out1))
        return self.layernorm2(out1 + ffn_output)


class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.token_emb = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, x):
        maxlen = ops.shape(x)[-1]
        positions = ops.arange(0, maxlen, 1)
        positions = self.pos_emb(positions)
        x = self.token_emb(x)
        return x + positions


inputs = layers.Input(shape=(maxlen,), dtype="int32")
hidden = TokenAndPositionEmbedding(maxlen, vocab_size, embed_dim)(inputs)
hidden = TransformerBlock(embed_dim, 2, 16)(hidden)
outputs = layers.Dense(vocab_size)(hidden)
model = keras.Model(inputs=inputs, outputs=[outputs, hidden])
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile("adam", loss=[loss_fn, None])
begin(model)
losses = ten_epochs(model, x, y)
