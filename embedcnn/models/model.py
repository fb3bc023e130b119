"""Model: a graph of layers that is trained and used. Each part of the work stands in a class of its own,
which the model owns: settings, data, programs, steps, the loop, prediction, the text side.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import optimizers, regularizers
from ..base.arguments import boolean, nonempty_text, one_of, optional, positive_integer
from ..base.checked import checked
from ..base.custom_objects import known_objects
from ..base.named_objects import named_object
from ..base.names import snake_case, unique_name
from ..base.processes import refuse
from ..base.random_seeds import checked_seed, next_seed
from ..callbacks import History
from ..graph.model_kinds import described, is_own
from ..graph.nodes import SymbolicTensor, flatten, walk
from ..layers.call_arguments import called_with
from ..lowering.operations import Lowered
from ..lowering.programs import Programs, Sizes
from ..lowering.rewrite import rewrite as rewritten
from ..lowering.translate import translate
from ..runtime import _core
from ..training import gradients as step_in_two_calls
from ..training import own_steps
from ..training.data_adapter import DataAdapter
from ..training.gradients import Gradients
from ..training.loop import TrainingLoop
from ..training.prediction import AT_ONCE, Prediction
from ..training.profiling import Profile, profile
from ..training.settings import Compilation
from ..training.steps import Steps
from . import files, own_classes
from .configuration import functional_from_config
from .inputs import input_specs, program_inputs, sized
from .layer_graph import LayerGraph
from .subclassed import Subclassed
from .table_conversion import TableConversion, convert_tables
from .text_side import TextSide


class Model(Subclassed, LayerGraph):
    """A model from `inputs` to `outputs`, tensors or lists or dicts of them: branches, shared layers, several
    inputs and outputs. Where `outputs` is a dict, results are one too, and y, losses, metrics and weights go
    by its keys.

    `seed` decides shuffling and dropout (None: the next seed, see utils.set_random_seed). `text_encoder` and
    `labels` may be set so that `predict` takes texts and `predict_labels` gives names. Any number of threads
    may predict at once; a second one that trains gets a RuntimeError. Raises TypeError and ValueError where
    the graph is not connected. As keras.Model.

    A subclass may have a `call(self, inputs, training=None)` instead, which is made of the layers that its
    `__init__` keeps as attributes; it is run once, on symbolic tensors for the first data or `build`.

    >>> import embedcnn
    >>> tokens = embedcnn.Input((None,), dtype="int32")
    >>> x = embedcnn.layers.Embedding(100, 8)(tokens)
    >>> x = embedcnn.layers.GlobalMaxPooling1D()(embedcnn.layers.Conv1D(4, 3, activation="relu")(x))
    >>> model = Model(tokens, embedcnn.layers.Dense(2, activation="softmax")(x))
    >>> model.count_params()
    910
    """

    _base_name = "functional"
    own_steps: frozenset[str] = frozenset()
    """Which of train_step, test_step and predict_step a subclass overrides."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own_steps.check_overrides(cls, Model)
        cls.traces = getattr(cls, "call", None) is not None
        changed = [name for name in own_steps.STEPS if getattr(cls, name) is not getattr(Model, name)]
        cls.own_steps = frozenset(changed)

    _rewrites = True  # whether its programs are rewritten, see _run_plain

    @checked
    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        trainable: bool = True,
        seed: int | None = None,
    ) -> None:
        self._begin(name, seed)
        if not self.traces:
            self._join(_tensors("inputs", inputs), outputs)
        elif inputs is not None or outputs is not None:
            raise TypeError(
                f"{type(self).__name__} has a `call`, which would never be called where `inputs` and "
                "`outputs` are given: let super().__init__() have neither, or leave `call` out"
            )
        if not trainable:
            self.trainable = False

    def _begin(self, name: str | None, seed: int | None) -> None:
        """A model without a graph yet."""
        before = set(vars(self))
        base_name = snake_case(type(self).__name__) if self.traces else self._base_name
        super().__init__(unique_name(base_name) if name is None else nonempty_text("name", name))
        self.seed = next_seed() if seed is None else optional(checked_seed, "seed", seed)
        self.stop_training = False
        self.history: History | None = None
        self.run: Any = None  # resuming.Run of the present fit
        self.epochs_trained = 0
        self._access = _core.Access(self.name, AT_ONCE)
        self._text = TextSide(self)
        self._compilation = Compilation(self)
        self._programs = Programs(self)
        self._adapter = DataAdapter(self, self._compilation, self._access)
        self._steps = Steps(self, self._programs, self._access)
        self._loop = TrainingLoop(self, self._compilation, self._adapter, self._steps, self._access)
        self._prediction = Prediction(self, self._compilation, self._adapter, self._programs, self._access)
        self._begin_subclass(before)

    def _join(self, inputs: list[SymbolicTensor], outputs: Any) -> None:
        self.output_keys = _keys(outputs)
        self._connect(inputs, _tensors("outputs", outputs))

    def _connect(self, inputs: list[SymbolicTensor], outputs: list[SymbolicTensor]) -> None:
        super()._connect(inputs, outputs)
        self._rewire(True)

    def _rewire(self, new_inputs: bool) -> None:
        """What follows from another graph: programs and settings are made anew."""
        self._compilation.forget()
        self._programs.forget()
        if new_inputs:
            self._programs.forget_sizes()
            self._adapter.specs = input_specs(self)

    def __call__(self, inputs: Any, *arguments: Any, training: bool | None = None, **options: Any) -> Any:
        """Applies the model to symbolic tensors (its layers are shared with the new graph) or to a batch of
        data. `training`, where it is given, holds for all its layers that were called without it. What else
        there is goes to the `call` of a subclass.
        """
        if self.traces:
            return self._called(inputs, arguments, {**options, "training": training})
        if options or len(arguments) > (training is None):
            raise TypeError(f"Model {self.name!r} is called with its inputs and `training` alone")
        training = called_with(self, {"training": arguments[0] if arguments else training})
        tensors = flatten(inputs) if isinstance(inputs, (list, tuple, dict)) else [inputs]
        if not all(isinstance(tensor, SymbolicTensor) for tensor in tensors):
            return self._prediction.on_batch(inputs, bool(training))
        return self._replayed(tensors, training)

    def _on_data(self, inputs: Any, training: bool) -> Any:
        return self._prediction.on_batch(inputs, training)

    # -- settings --------------------------------------------------------------------------------------------
    @checked
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
    ) -> None:
        """Sets optimizer, loss and metrics: names, instances, or lists and dicts of them per output. As
        keras.Model.compile.

        `run_eagerly`, `steps_per_execution` and `jit_compile` are accepted for Keras's sake: every step is
        compiled C. Raises ValueError for unknown names, with a suggestion.
        """
        chosen = optimizers.get(optimizer)
        positive_integer("steps_per_execution", steps_per_execution)
        if jit_compile != "auto":
            optional(boolean, "jit_compile", jit_compile)
        with self._access.training():
            self._programs.forget("train", "test")  # before: a signal may come between
            self._compilation.set(
                chosen,
                loss,
                loss_weights=loss_weights,
                metric_names=metrics,
                weighted_metrics=weighted_metrics,
            )

    @property
    def optimizer(self) -> Any:
        """The optimizer given to `compile`; None before."""
        return self._compilation.optimizer

    @optimizer.setter
    def optimizer(self, value: Any) -> None:
        self._compilation.optimizer = value

    @property
    def metrics(self) -> list[Any]:
        """The metrics given to `compile`."""
        compiled = self._compilation.compiled
        return [meter.metric for meter in compiled.meters] if compiled else []

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns."""
        compiled = self._compilation.compiled
        return list(compiled.names) if compiled else []

    # -- training --------------------------------------------------------------------------------------------
    @checked
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[Any, Any] | str | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> History:
        """Trains for epochs `initial_epoch` ... `epochs` - 1 and returns a History. As keras.Model.fit.

        `x`: an array, Ragged, list or column of texts, list of lists of ids or of encodings of `tokenizers`;
        a list or dict of them for several inputs; or an iterable of batches (x, y[, sample_weight]), as a
        data.Dataset or a generator. Iterables are read, and texts encoded, by a thread that is some batches
        ahead of the step; texts are encoded once, however many epochs there are, unless functions of your own
        cut them or the ids take more than 1 GiB. `y` may hold names, numbered by `model.labels`, which are
        learnt here (sorted) where none are set. `class_weight`: a dict by class number or name, or
        "balanced", so that all classes weigh the same. `validation_split` takes the last examples, before
        shuffling. The order of an epoch depends on the model's seed (that of a Dataset on its own) and on how
        many epochs the model has been trained, so that training goes on after save and load as though it had
        not stopped. Ctrl-C keeps the weights of the last whole step. Raises ValueError and TypeError that
        name the argument.
        """
        return self._loop.fit(
            x,
            y,
            batch_size,
            epochs,
            verbose,
            callbacks,
            validation_split,
            validation_data,
            shuffle,
            class_weight,
            sample_weight,
            initial_epoch,
            steps_per_epoch,
            validation_steps,
            validation_batch_size,
            validation_freq,
        )

    @checked
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and metrics on data: a number, a list in the order of `metrics_names`, or a dict. As
        keras.Model.evaluate.
        """
        return self._loop.evaluate(x, y, batch_size, verbose, sample_weight, steps, callbacks, return_dict)

    @checked
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """One training step on this batch; returns its loss, a list with its metrics, or a dict. As
        keras.Model.train_on_batch.
        """
        return self._loop.on_batch(True, x, y, sample_weight, class_weight, return_dict)

    @checked
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """The loss and metrics of this batch, without training. As keras.Model.test_on_batch."""
        return self._loop.on_batch(False, x, y, sample_weight, None, return_dict)

    def compute_gradients(self, x: Any, y: Any = None, sample_weight: Any = None) -> tuple[float, Gradients]:
        """A training step on this batch up to its update: the loss, and the gradients for `apply_gradients`.

        The gradients are new arrays by the path of their weight, float32 and of its shape, those of
        regularizers included, not clipped; of an embedding table a tuple (rows, values): distinct rows,
        int32 (U,), as the batch names them first, and their gradients, float32 (U, D). Frozen weights are
        not in it. Moving statistics and states move, as in any training step; dropout is that of the next
        update, so calls before one `apply_gradients` draw the same. Raises as `train_on_batch`.

        >>> import embedcnn
        >>> model = embedcnn.Sequential([embedcnn.Input((2,)), embedcnn.layers.Dense(1, name="out")])
        >>> model.compile("adam", "mse")
        >>> loss, gradients = model.compute_gradients([[1.0, 2.0]], [[1.0]])
        >>> sorted(gradients), gradients["out/kernel"].shape
        (['out/bias', 'out/kernel'], (2, 1))
        >>> gradients["out/kernel"] *= 0.5
        >>> model.apply_gradients(gradients)
        """
        self._compilation.require("compute_gradients")
        refuse("compute_gradients", "train_on_batch sums the gradients of all ranks")
        with self._access.training():
            return step_in_two_calls.compute(self, x, y, sample_weight)

    def apply_gradients(self, gradients: Gradients) -> None:
        """The update of a training step, from a dict as `compute_gradients` returns it: of this model, of a
        copy with the same layer names, or a mean over several.

        Clipping, weight decay, accumulation, constraints and averages happen here. Rows of a table may be
        added, left out or repeated; the gradients of one row are summed. With `compute_gradients` before it,
        unchanged, the bits are those of `train_on_batch`. Raises ValueError for paths that are missing or do
        not learn, wrong shapes and rows outside the table, TypeError for what is no number.
        """
        self._compilation.require("apply_gradients")
        refuse("apply_gradients", "it would change the weights of this rank alone; use train_on_batch")
        with self._access.training():
            step_in_two_calls.apply(self, gradients)

    # -- steps that a subclass may override ------------------------------------------------------------------
    def train_step(self, data: Any) -> dict[str, Any]:
        """What `fit` and `train_on_batch` do with a batch (x, y) or (x, y, sample_weight): a training step,
        and the means of loss and metrics so far, by name. As keras.Model.train_step.

        A subclass that overrides it trains by `compute_gradients` and `apply_gradients`, or by this step, and
        returns a dict of name to number. `data` are arrays, or a Ragged; names of labels are numbers there.

        >>> import embedcnn, numpy as np
        >>> class Clipped(embedcnn.Model):
        ...     def train_step(self, data):
        ...         x, y, sample_weight = embedcnn.utils.unpack_x_y_sample_weight(data)
        ...         loss, gradients = self.compute_gradients(x, y, sample_weight)
        ...         self.apply_gradients({path: np.clip(g, -1, 1) for path, g in gradients.items()})
        ...         return {"loss": loss}
        >>> x = embedcnn.Input((2,))
        >>> model = Clipped(x, embedcnn.layers.Dense(1)(x))
        >>> model.compile("sgd", "mse")
        >>> list(model.fit(np.ones((4, 2)), np.ones(4), verbose=0).history)
        ['loss']
        """
        return self._loop.default_step(True, data)

    def test_step(self, data: Any) -> dict[str, Any]:
        """What `evaluate` and `test_on_batch` do with a batch, as `train_step`. As keras.Model.test_step."""
        return self._loop.default_step(False, data)

    def predict_step(self, data: Any) -> Any:
        """What `predict` and `predict_on_batch` do with a batch (x,): its outputs. As
        keras.Model.predict_step.
        """
        return self._prediction.on_batch(own_steps.unpack_x_y_sample_weight(data)[0])

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> float:
        """The loss of `compile` for predictions, with the penalties of regularizers; `x` and `training`
        change nothing. As keras.Model.compute_loss.

        Raises ValueError before `compile` and where shapes do not fit.
        """
        self._compilation.require("compute_loss")
        return own_steps.loss_of(self, y, y_pred, sample_weight)

    def profile(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        sample_weight: Any = None,
        steps: int = 20,
    ) -> Profile:
        """Where the time of a training step goes: the batch, Python, each operation forward and backward, the
        update; and what bounds it: waiting for data, arithmetic or memory, measured beside a large product
        and a copy on this machine, with what to try.

        Data as in `fit`. Runs `steps` steps; the model is afterwards as it was. Raises ValueError before
        `compile`. In the place of TensorFlow's and PyTorch's profilers.

        >>> import embedcnn, numpy as np
        >>> model = embedcnn.Sequential([embedcnn.Input((5,)), embedcnn.layers.Dense(1, name="scores")])
        >>> model.compile("sgd", "mse")
        >>> found = model.profile(np.zeros((8, 5)), np.zeros(8), batch_size=4, steps=3)
        >>> [cost.name for cost in found.costs]
        ['batch', 'step in Python', 'plan', 'scores', 'squared_error', 'update']
        """
        return profile(self, x, y, batch_size, sample_weight, steps)

    def convert_tables(self, dtype: str, check: Any = None) -> TableConversion:
        """Keeps the tables of all Embedding layers in "float16", "bfloat16" or "int8" with a scale a row (or
        "float32" again) from now on; everything is computed in float32.

        Halves learn further, rounded by chance (see Embedding); tables of int8 do not. Numbers beyond the
        range of halves become their largest, with a warning that counts them, as `overflow` of the report
        does. `check`, (x, y) or (x, y, sample_weight) as for `evaluate`: the report says what it gives before
        and after. Tables that other layers read whole, as TiedDense does, stay in float32; the report names
        them. Raises ValueError for models without another table, for a constraint on norms over all rows, and
        for "int8" of numbers that are not finite.

        >>> import embedcnn
        >>> words = embedcnn.layers.Embedding(100, 8, name="words")
        >>> model = embedcnn.Sequential([embedcnn.Input((5,)), words])
        >>> print(model.convert_tables("int8"))
        words to int8: 3.12 KB -> 1.17 KB
        """
        return convert_tables(self, dtype, check)

    # -- prediction ------------------------------------------------------------------------------------------
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> np.ndarray | Any:  # Any: a list, where the model has several outputs
        """The outputs for x: an array (examples, units), or a list of them for several outputs. As
        keras.Model.predict.

        `x` as in `fit`; a list of texts when the model has a text encoder; or an iterable of x, (x,), (x, y)
        or (x, y, sample_weight), of which `steps` batches are taken (None: all). `batch_size=None`: batches
        of 32, and larger ones as long as memory allows where examples cannot change each other's results
        (flat outputs, no stateful layers, none written in Python). No examples, `[]`, give arrays of no rows.
        """
        return self._prediction.predict(x, batch_size, verbose, steps, callbacks)

    def predict_on_batch(self, x: Any) -> np.ndarray | Any:
        """The outputs for one batch. As keras.Model.predict_on_batch."""
        return self._prediction.predict_on_batch(x)

    def predict_labels(self, x: Any, batch_size: int | None = None, threshold: float = 0.5) -> list[Any]:
        """The most likely label of each example: from `model.labels`, or the class number where they are not
        set. A model of several labels (a binary loss, or sigmoids at the end) gives a list of those whose
        probability is above `threshold`.

        Raises ValueError unless the model has one flat output, and where it predicts NaN.
        """
        return self._prediction.labels(x, batch_size, threshold)

    def explain(self, text: str, label: Any = None) -> Any:
        """What each word or n-gram of a text adds to the margin of a label (None: the predicted one), where
        the model takes texts: a bags.Explanation, coloured in a notebook. Exact for bags and means, by hiding
        each word for all else. See `inspection.explain`.
        """
        return named_object("embedcnn.inspection.explanation:explain")(self, text, label)

    def plot(self, axes: Any = None) -> Any:
        """Plots the layers and how data flows, with matplotlib (extra `plot`); returns the Axes. See
        `inspection.plot_model`.
        """
        return named_object("embedcnn.inspection.plots:plot_model")(self, axes)

    # -- texts -----------------------------------------------------------------------------------------------
    @property
    def text_encoder(self) -> Any:
        """What turns texts into token ids, where the model takes texts; None: it does not."""
        return self._text.encoder

    @text_encoder.setter
    def text_encoder(self, value: Any) -> None:
        self._text.encoder = value

    @property
    def labels(self) -> list[Any] | None:
        """The names of the classes, in the order of the outputs."""
        return self._text.labels

    @labels.setter
    def labels(self, value: Sequence[Any] | None) -> None:
        self._text.set_labels(value)

    def extend_vocabulary(self, words: Sequence[str], vectors: Any, layer: str | None = None) -> None:
        """Adds words that training did not see: rows behind the frozen Embedding, and entries of the text
        encoder.

        `vectors`: (words, dimensions). The optimizer and all other weights stay as they are. Raises
        ValueError where the table is trainable, where a word is known already or where the numbers of words,
        rows and ids do not fit.
        """
        with self._access.training(), self._access.changing():
            self._text.extend_vocabulary(words, vectors, layer)
            self._adapter.specs = input_specs(self)
            self._programs.forget()

    # -- operations ------------------------------------------------------------------------------------------
    @checked
    def lowered(self, training: bool = False, rewrite: bool = True) -> Lowered:
        """The operations that the core runs for this model (with losses once it is compiled); print it to
        read them. `rewrite=False`: the plain ones, as the layers say, from which they are made.

        >>> import embedcnn
        >>> numbers = embedcnn.Input((4,))
        >>> dense = embedcnn.layers.Dense(3, activation="relu", name="scores")
        >>> print(Model(numbers, dense(numbers)).lowered())
        %0: float32 (B, 4) = input x
        %1: float32 (B, 3) = dense(%0)
            scores/kernel (4, 3), scores/bias (3)
            # scores
        %2: float32 (B, 3) = activation(%1) activation=relu
            # scores
        return %2
        """
        self._require_built("its graph")
        if self._compilation.given is not None:
            return self.lowered_as("train" if training else "test", rewrite)
        return self.lowered_as("forward" if training else "predict", rewrite)

    @checked
    def lowered_as(self, kind: str, rewrite: bool | None = None, sizes: Sizes | None = None) -> Lowered:
        """The operations of a kind of program: "train", "test", "predict" or "forward"; for images of these
        sizes where the inputs leave them open, or those of the last batch.
        """
        specs = self._adapter.specs
        sizes = self._programs.sizes(kind) if sizes is None else sizes
        graph = sized(self, specs, sizes) if sizes else self
        settings: dict[str, Any] = {}
        if kind in ("train", "test"):
            compiled = self._compilation.settle()
            settings = {
                "losses": compiled.losses,
                "loss_weights": compiled.loss_weights,
                "unseen": compiled.unseen,
                "added": graph.added,
                "penalised": regularizers.own_of(self.trainable_weights),
            }
        names = [spec.name for spec in specs]
        inputs = [tensor for _, tensor in program_inputs(graph)]
        nodes = walk(inputs, [*graph.outputs, *settings.get("added", ())], all_inputs=False)
        training = kind in ("train", "forward")
        plain = translate(inputs, graph.outputs, nodes, names, training=training, **settings)
        if rewrite if rewrite is not None else self._rewrites:
            return rewritten(plain, training)
        return plain

    def _run_plain(self, plain: bool = True) -> None:
        """From now on every run is one of the plain program, `lowered(rewrite=False)`: the same results to
        rounding, more slowly. To find out whether a rewrite is at fault, and for tests.
        """
        self._rewrites = not plain
        self._programs.forget()

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Copies arrays into the weights, between steps; ValueError that names weight and shapes where they
        differ.
        """
        with self._access.changing():
            super().set_weights(weights)

    # -- files -----------------------------------------------------------------------------------------------
    @checked
    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Writes the whole model (architecture, weights, compile settings, optimizer, text encoder, labels)
        to one file.

        The file appears whole or not at all. Any file name is right. Raises FileExistsError if it is there
        and `overwrite` is False. As keras.Model.save.
        """
        files.save(self, filepath, overwrite)

    @checked
    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Writes the weights alone, as safetensors. The file appears whole or not at all."""
        files.save_weights(self, filepath, overwrite)

    @checked
    def load_weights(self, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
        """Reads weights from a file of `save_weights` or `save`; ValueError where names or shapes differ.

        `skip_mismatch`: those keep their values instead, with a warning. As keras.Model.load_weights.
        """
        files.load_weights(self, filepath, skip_mismatch)

    def export(
        self,
        filepath: Any,
        format: str = "onnx",
        *,
        text: bool = False,
        ragged: bool = False,
        opset: int | None = None,
    ) -> None:
        """Writes the model as an ONNX graph (extra `onnx`) with the results of `predict`; see `onnx.export`.
        As keras.Model.export.

        `text`: the graph takes strings, where the text encoder only lower-cases and splits at white space;
        `ragged`: ids have the lengths of their texts beside them; `opset`: the version of ONNX's operations.
        Raises ValueError for another `format` or ending than .onnx, and for what ONNX cannot hold, by its
        layer's name.
        """
        one_of("format", format, ("onnx",))
        export = named_object("embedcnn.onnx.export_model:export")
        export(self, filepath, text=text, ragged=ragged, opset=opset)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of the weights by name (layer/weight), as `save_weights` stores them; in Keras's layout. As
        torch.nn.Module.state_dict.

        >>> import embedcnn
        >>> model = embedcnn.Sequential([embedcnn.Input((3,)), embedcnn.layers.Dense(2, name="out")])
        >>> {name: value.shape for name, value in model.state_dict().items()}
        {'out/kernel': (3, 2), 'out/bias': (2,)}
        """
        return files.state_dict(self)

    @checked
    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> files.IncompatibleKeys:
        """Copies weights (arrays or tensors) by the names of `state_dict()`; what was missing and unexpected.

        Raises ValueError for a shape that differs, before anything is copied, and with `strict` for names
        that are missing or unknown. As torch.nn.Module.load_state_dict.
        """
        return files.load_state_dict(self, state_dict, strict)

    def to(self, device: Any) -> Any:
        """The model itself, for `device` "cpu"; ValueError for others. As torch.nn.Module.to."""
        if str(getattr(device, "type", device)).partition(":")[0] != "cpu":
            raise ValueError(
                f"embedcnn computes on the CPU only: leave `to` out, or give 'cpu'. Received: {device!r}"
            )
        return self

    def to_json(self, **options: Any) -> str:
        """The architecture without weights, for models.model_from_json; `options` as json.dumps takes them.
        As keras.Model.to_json.
        """
        class_name, config = described(self)
        return json.dumps({"class_name": class_name, "config": config}, **options)

    def __reduce__(self) -> Any:
        return files.reduced(self)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Model:
        """A new model of this architecture, with new weights; `custom_objects` as for load_model."""
        with known_objects(custom_objects):
            whole = not is_own(cls) or not cls.traces and isinstance(config.get("layers"), list)
            return functional_from_config(cls, config) if whole else cls(**config)

    def get_config(self) -> dict[str, Any]:
        """The architecture: layers with their arguments, and how they are joined; of a subclass with a `call`
        the arguments of its constructor, and of one that chooses its layers itself where it overrides what a
        model does.
        """
        if self.tells_arguments():
            return self.own_config()
        return {**self.architecture(), **own_classes.own_arguments(self)}

    def architecture(self) -> dict[str, Any]:
        """The graph, as `get_config` of a Model gives it."""
        return LayerGraph.get_config(self)


def _keys(outputs: Any) -> list[str] | None:
    """The keys of outputs given as a dict; TypeError for others than str, ValueError for nested outputs."""
    if not isinstance(outputs, dict):
        return None
    for key, part in outputs.items():
        if not isinstance(key, str) or not key:
            raise TypeError(f"`outputs` must have names as keys. Received: the key {key!r}")
        if isinstance(part, (dict, list, tuple)):
            raise ValueError(
                f"`outputs` must hold a tensor for each key. Received: a {type(part).__name__} for {key!r}"
            )
    return list(outputs)


def _tensors(argument: str, value: Any) -> list[SymbolicTensor]:
    tensors = flatten(value) if value is not None else []
    if value is None or isinstance(value, Model):  # super().__init__() and super().__init__(self)
        kind = None if value is None else type(value).__name__
        raise ValueError(
            f"`{argument}` is missing: a Model is made of tensors, as Model(inputs, outputs); a subclass "
            "either hands both to super().__init__() or has a call(), which is traced. Received: "
            f"{argument}={kind}"
        )
    if not tensors:
        raise ValueError(
            f"`{argument}` must be a tensor or a list of tensors. Received: {argument}={value!r}"
        )
    for tensor in tensors:
        if not isinstance(tensor, SymbolicTensor):
            raise TypeError(
                f"`{argument}` must be made by Input(...) and layers. Received: {type(tensor).__name__}"
            )
    if argument == "inputs" and len({id(tensor) for tensor in tensors}) != len(tensors):
        raise ValueError("`inputs` holds the same Input twice")
    return tensors
