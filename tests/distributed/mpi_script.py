"""What test_mpi.py runs under mpirun: a small training; the first argument says what happens in it.

Each rank writes its weights to FOLDER/RANK.npz and says "done".
"""

import os
import signal
import sys

import numpy as np

import embedcnn
from embedcnn import callbacks, distributed, layers


class Happens(callbacks.Callback):
    """On rank 1, after two batches."""

    def __init__(self, how):
        self.how = how

    def on_train_batch_end(self, batch, logs=None):
        if batch != 1 or distributed.rank() != 1:
            return
        if self.how == "raises":
            raise ValueError("a bad thing")
        if self.how == "exits":
            sys.exit(3)
        if self.how in ("killed", "interrupted"):
            os.kill(os.getpid(), signal.SIGKILL if self.how == "killed" else signal.SIGINT)


def made(rank):
    """The model, with weights and a seed of this rank."""

    def uniform(seed):
        return embedcnn.initializers.RandomUniform(-0.3, 0.3, seed=seed + rank)

    words = embedcnn.Input((None,), dtype="int32")
    h = layers.Embedding(60, 8, embeddings_initializer=uniform(1))(words)
    h = layers.Conv1D(6, 3, activation="relu", kernel_initializer=uniform(2))(h)
    h = layers.GlobalMaxPooling1D()(h)
    out = layers.Dense(3, activation="softmax", kernel_initializer=uniform(3))(h)
    model = embedcnn.Model(words, out, seed=5 + rank)
    model.compile(embedcnn.optimizers.Adam(0.01, global_clipnorm=0.1), "sparse_categorical_crossentropy")
    return model


def main(how, folder):
    """Trains."""
    draw = np.random.default_rng(0)
    x, y = draw.integers(1, 60, (37, 12)).astype(np.int32), draw.integers(0, 3, 37)
    if how != "alone":
        distributed.set_distribution(distributed.DataParallel())
    rank = distributed.rank()
    model = made(rank)
    if how == "raises before" and rank == 1:
        raise OSError("no such file")
    if how == "exits before" and rank == 1:
        sys.exit(4)
    options = {"batch_size": 10, "epochs": 2, "verbose": 2, "validation_split": 0.2}
    try:
        model.fit(x, y, callbacks=[Happens(how)], **options)
    except KeyboardInterrupt:
        print(f"interrupted after {model.optimizer.steps} steps")
    if how == "evaluates alone" and rank == 0:
        model.evaluate(x, y)
    np.savez(os.path.join(folder, f"{rank}.npz"), *model.get_weights())
    with open(os.path.join(folder, f"{rank}.threads"), "w") as file:
        file.write(str(embedcnn.get_num_threads()))
    print("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
