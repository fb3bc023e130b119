"""Keras's text classification with a mixture of experts, in small: a router, top_k, an added loss."""

import keras
from keras import layers, ops
from start import begin, ten_epochs, words

ids, y = words(12, 6, 25)
num_experts = 3


class Router(layers.Layer):
    def __init__(self, num_experts):
        super().__init__()
        self.num_experts = num_experts
        self.route = layers.Dense(units=num_experts)

    def call(self, inputs, training=False):
        router_logits = self.route(inputs)
        router_probs = keras.activations.softmax(router_logits, axis=-1)
        expert_gate, expert_index = ops.top_k(router_probs, k=1)
        expert_mask = ops.one_hot(ops.squeeze(expert_index, -1), self.num_experts)
        density = ops.mean(expert_mask, axis=0)
        density_proxy = ops.mean(router_probs, axis=0)
        self.add_loss(ops.mean(density_proxy * density) * self.num_experts**2 * 0.01)
        return expert_gate * expert_mask


class Switch(layers.Layer):
    def __init__(self, num_experts, units):
        super().__init__()
        self.experts = [layers.Dense(units, activation="gelu") for _ in range(num_experts)]
        self.router = Router(num_experts)

    def call(self, inputs):
        gates = self.router(inputs)
        outputs = ops.stack([expert(inputs) for expert in self.experts], axis=1)
        return ops.einsum("be,beu->bu", gates, outputs)


inputs = keras.Input((6,), dtype="int32")
x = layers.Flatten()(layers.Embedding(25, 4)(inputs))
x = Switch(num_experts, 8)(x)
model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
model.compile(optimizer="adam", loss="binary_crossentropy")
begin(model)
losses = ten_epochs(model, ids, y[:, None])
