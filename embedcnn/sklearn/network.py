"""What the networks share, whatever they predict: texts to ids, the model around the part that differs, the
training, and the outputs.

A subclass says what stands between embeddings and the last layer (`_features`), and what y means.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..bags.unfitted import not_fitted
from ..bags.weighting import checked_weights
from ..base.arguments import boolean, finite_number, integer, positive_integer
from ..base.metadata_routing import Routed
from ..base.parameters import Parameters
from ..classifier.encoders import make_encoder, table_from_vectors
from .inputs import Rows, known_ids, read
from .surroundings import seed_of, surroundings, threads

AT_ONCE = 256  # texts of a prediction, which then grow by themselves


class TextNetwork(Routed, Parameters):
    """A network over token embeddings, in scikit-learn's shape; see the classes of `estimators`."""

    input: str
    epochs: int
    batch_size: int
    learning_rate: float
    dimensions: int
    dropout: float
    max_tokens: int | None
    tokenizer: str
    vectors: Any
    freeze: bool
    early_stopping: bool
    validation_fraction: float
    patience: int
    warm_start: bool
    n_jobs: int | None
    random_state: Any
    verbose: Any
    model_: Any
    history_: dict[str, list[float]]
    n_iter_: int
    n_features_in_: int

    # -- what a subclass says ----------------------------------------------------------------------------
    def _features(self, embedded: Any) -> Any:
        """The layers between the embeddings (B, T, D) and the last one: a tensor (B, F)."""
        raise NotImplementedError

    def _last(self, targets: np.ndarray) -> tuple[int, str, str]:
        """(units, activation, loss) of the last layer."""
        raise NotImplementedError

    def _strata(self, targets: np.ndarray) -> np.ndarray | None:
        """The class of each row, int64, where an equal share of each is to be held out; else None."""
        return None

    # -- training ----------------------------------------------------------------------------------------
    def _learn(
        self, rows: Rows, targets: np.ndarray, weights: np.ndarray | None, epochs: int, new: bool, stops: bool
    ) -> None:
        """Trains a new model, or goes on with the one there is. `stops`: a part of the rows says when."""
        seed = seed_of(self.random_state)
        if weights is not None and (weights == 0).any():  # as though they were not there
            kept = weights > 0
            rows, targets, weights = rows[kept], targets[kept], weights[kept]
        if not len(rows):
            what = "no row" if weights is None else "only rows whose weight is zero"
            raise ValueError(f"`X` must hold at least one row that counts. Received: {what}")
        from ..callbacks import EarlyStopping  # start-up: callbacks are not needed to predict

        callbacks: list[Any] = []
        patience = positive_integer("patience", self.patience)
        self._held_share()
        held = self._held_out(targets, seed) if stops else np.zeros(len(rows), bool)
        if held.any():
            callbacks.append(EarlyStopping("val_loss", patience=patience, restore_best_weights=True))
        with surroundings(self.n_jobs, seed):
            if new:
                self.model_, self.history_ = self._new_model(rows[~held], targets, seed), {}
            parts = self._encoded(rows), targets, weights
            rest, checked = (
                tuple(None if part is None else part[np.flatnonzero(chosen)] for part in parts)
                for chosen in (~held, held)
            )
            found = self.model_.fit(
                rest[0],
                rest[1],
                sample_weight=rest[2],
                batch_size=positive_integer("batch_size", self.batch_size),
                epochs=epochs,
                validation_data=checked if held.any() else None,
                callbacks=callbacks,
                verbose=self.verbose,
            )
        for name, values in found.history.items():
            self.history_.setdefault(name, []).extend(values)
        self.n_iter_ = len(self.history_["loss"])

    def _held_out(self, targets: np.ndarray, seed: int) -> np.ndarray:
        """Which rows say when to stop, bool: `validation_fraction` of them, of each class where there are
        some; none of a class with a single row.
        """
        share = self._held_share()
        generator = np.random.Generator(np.random.Philox(key=[seed, 0]))
        order = generator.permutation(len(targets))
        strata = self._strata(targets)
        groups = [order] if strata is None else [order[strata[order] == one] for one in np.unique(strata)]
        held = np.zeros(len(targets), bool)
        for group in groups:
            held[group[: min(len(group) - 1, max(1, round(share * len(group))))]] = True
        if not held.any():
            raise ValueError(
                f"early_stopping=True holds some rows out, which {len(targets)} are too few for: give more, "
                "or early_stopping=False"
            )
        return held

    def _held_share(self) -> float:
        """`validation_fraction`, checked."""
        share: float = finite_number("validation_fraction", self.validation_fraction, above=0, below=1)
        return share

    def _new_model(self, rows: Rows, targets: np.ndarray, seed: int) -> Any:
        """The compiled model for rows like these."""
        from .. import layers, models, optimizers  # start-up: they are many

        encoder, table = None, None
        freeze = boolean("freeze", self.freeze)
        if self.input == "texts":
            encoder = make_encoder(rows.tolist(), self._max_words(), self.tokenizer)
            if self.vectors is not None:
                table = table_from_vectors(encoder, self.vectors, freeze, seed).matrix
                if not table.shape[1]:
                    raise ValueError(f"`vectors` must hold a word. Received: vectors={self.vectors!r}")
        elif self.vectors is not None:
            raise ValueError("`vectors` are of words, which input='ids' does not know: it must be None")
        if freeze and table is None:
            raise ValueError("`freeze` needs `vectors` to leave as they are. Received: freeze=True")
        size = self._size(rows) if encoder is None else encoder.vocabulary_size()
        tokens = layers.Input((None,), dtype="int32", name="tokens")
        words = layers.Embedding(
            size,
            positive_integer("dimensions", self.dimensions) if table is None else table.shape[1],
            mask_zero=encoder is None,  # of texts there is no padding
            weights=None if table is None else [table],
            trainable=not freeze,
            name="words",
        )
        features = self._features(words(tokens))
        dropout = finite_number("dropout", self.dropout, least=0, below=1)
        features = layers.Dropout(dropout, name="dropout")(features)
        units, activation, loss = self._last(targets)
        outputs = layers.Dense(units, activation=activation, name="outputs")(features)
        model = models.Model(tokens, outputs, name="text_network")
        if encoder is not None:
            model.text_encoder = encoder
        model.compile(optimizers.Adam(finite_number("learning_rate", self.learning_rate, above=0)), loss)
        return model

    def _max_words(self) -> int | None:
        return None if self.max_tokens is None else integer("max_tokens", self.max_tokens, 1)

    def _size(self, rows: Rows) -> int:
        """Rows of the table for ids: one for each that training sees or `max_tokens` allows, one for the
        others.
        """
        return (self._max_words() or int(rows.max(initial=0))) + 2

    def _encoded(self, rows: Rows) -> Any:
        """What the model takes."""
        if self.input == "texts":
            return self.model_.text_encoder(rows.tolist())
        return known_ids(rows, self.model_.get_layer("words").input_dim)

    # -- use ---------------------------------------------------------------------------------------------
    def _outputs(self, X: Any) -> np.ndarray:
        """The outputs of the model, float32 (N, units); NotFittedError before `fit`."""
        if not self.__sklearn_is_fitted__():
            raise not_fitted(f"this {type(self).__name__} has learnt nothing yet: call fit first")
        rows = read(self, X, new=False)
        if not len(rows):
            return np.zeros((0, self.model_.outputs[0].shape[1]), np.float32)
        with threads(self.n_jobs):
            return self.model_.predict(self._encoded(rows), verbose=0)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def _epochs(self) -> int:
        return positive_integer("epochs", self.epochs)

    def _goes_on(self) -> bool:
        """Whether `fit` goes on where the last one stopped."""
        return boolean("warm_start", self.warm_start) and self.__sklearn_is_fitted__()


def row_weights(weights: Any, count: int) -> np.ndarray | None:
    """`sample_weight`, float32 (count,); ValueError for other shapes, negative or infinite numbers."""
    return checked_weights("sample_weight", weights, count)


def check_lengths(rows: Rows, targets: Any) -> None:
    """ValueError unless there is a target for each row."""
    if len(rows) != len(targets):
        raise ValueError(f"`y` must have an entry for each of the {len(rows)} rows. Received: {len(targets)}")
