"""Text generation with a language model: a model of token ids that predicts, at each step, the next token.

The state is carried from token to token, so that a new token costs one step, not the whole text anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..base.arguments import positive_integer
from ..base.columns import as_list
from ..graph.nesting import leaf_layers
from ..lowering.binding import BoundProgram
from ..lowering.operations import Lowered, Operation
from ..preprocessing.texts import without_gaps


def _names(op: Operation) -> list[str]:
    """The layers and models that an operation comes from, outermost first."""
    return [name for origin in op.origins for name in origin.layer.split("/")]


def _mixes_steps(op: Operation) -> bool:
    """Whether a result at a step depends on other steps too, other than through a state."""
    if op.function is not None:  # Python may look at anything: the layer must say that it does not
        return not getattr(op.function.layer, "steps_independent", False)
    mixing = op.facts["mixing"]
    one_tap = mixing == "by kernel" and op.variables[0].shape[0] == 1
    other_axes = mixing == "by axes" and not op.attributes.get("axes", 0) & 2
    return mixing != "nothing" and not op.facts["states"] and not one_tap and not other_axes


def _check_writes(model: Any, lowered: Lowered) -> None:
    """ValueError unless each result of these operations follows from one step and the states before it."""
    written = {one.name: one for one in leaf_layers(model.layers) if _is_python(one)}
    for op in lowered.operations:  # Python that the program computes by operations of its own
        own = next((written[name] for name in _names(op) if name in written), None)
        if own is not None and getattr(own, "steps_independent", False):
            continue
        if _mixes_steps(op) and (own is not None or op.function is not None):
            name = op.function.layer.name if own is None else own.name
            raise ValueError(
                f"Layer {name!r} is written in Python: nobody knows whether it looks along a text. If "
                "what it gives at a step depends on that step alone, say so: "
                f"model.get_layer({name!r}).steps_independent = True"
            )
        if _mixes_steps(op):
            raise ValueError(
                "a language model carries its state in recurrent layers (LSTM, GRU, SimpleRNN). "
                f"Received: {op.name}, which reads several steps of a text and cannot write one"
            )


def _is_python(layer: Any) -> bool:
    """Whether a layer is written in Python."""
    return hasattr(layer, "forward") or hasattr(layer, "call")


class Stepper:
    """A language model that reads tokens bit by bit and remembers what it has read: `read(ids)`, `reset()`.

    For `batch` texts side by side. A layer written in Python (Lambda, a subclass of Layer) must have the
    attribute `steps_independent = True`: then what it gives at a step depends on that step alone. Raises
    ValueError for models that do not predict a token at each step or read texts backwards.

    >>> import embedcnn
    >>> from embedcnn.layers import GRU, Dense, Embedding
    >>> model = embedcnn.Sequential([Embedding(5, 4), GRU(6, return_sequences=True), Dense(5)])
    >>> _ = model.build((None, None))
    >>> Stepper(model).read([[1, 2, 3]]).shape
    (1, 5)
    """

    def __init__(self, model: Any, batch: int = 1) -> None:
        self.batch = positive_integer("batch", batch)
        self.model = model
        if len(model.outputs) != 1 or len(model.outputs[0].shape) != 3 or len(model.inputs) != 1:
            raise ValueError(
                "a language model has one input of token ids and one output (batch, time, tokens): the last "
                f"recurrent layer needs return_sequences=True. Received: {model!r}"
            )
        self._pool = model._programs.writers(self.batch, _check_writes)
        self._program: BoundProgram | None = self._pool.take()
        self.gives_probabilities = self._open().ends_in_softmax
        self.reset()

    def close(self) -> None:
        """Lets the next stepper of the model have this one's program; nothing can be read any more."""
        program, self._program = self._program, None
        if program is not None:
            self._pool.give_back(program)

    def reset(self) -> None:
        """Forgets all that was read."""
        for state in self._open().states:
            state.value[...] = 0.0

    def _open(self) -> BoundProgram:
        if self._program is None:
            raise ValueError("this Stepper was closed: make a new one, Stepper(model)")
        return self._program

    def read(self, ids: Sequence[Any] | np.ndarray) -> np.ndarray:
        """Reads at least one token of each text; log-probabilities (batch, tokens), float64, of the next
        ones.

        Raises ValueError for another number of texts, an empty text or unknown ids.
        """
        lengths = [len(row) for row in ids]
        if len(lengths) != self.batch or not all(lengths):
            raise ValueError(
                f"`ids` must hold {self.batch} text(s) of at least one token. Received: lengths {lengths}"
            )
        if not all(np.asarray(row).dtype.kind in "iu" for row in ids):
            raise ValueError(f"`ids` must hold integers, the numbers of tokens. Received: {ids!r}")
        if len(set(lengths)) == 1:
            value: Any = np.asarray(ids, np.int64)
        else:
            flat = np.concatenate([np.asarray(row, np.int32) for row in ids])
            value = (flat, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
        with self.model._access.reading():
            (out,) = self._open().ready().forward([value])
        last = out[np.arange(self.batch), np.array(lengths) - 1].astype(np.float64)
        if np.isnan(last).any():
            raise ValueError(
                f"model {self.model.name!r} predicts NaN, so it cannot write: its weights hold NaN or "
                "infinite numbers, as after a training whose loss became NaN"
            )
        if self.gives_probabilities:
            with np.errstate(divide="ignore"):
                return np.log(last)
        last -= last.max(1, keepdims=True)
        return last - np.log(np.exp(last).sum(1, keepdims=True))


def sample(
    log_probabilities: np.ndarray,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """One token for each row of log-probabilities (batch, tokens).

    `temperature`: below 1 the likely tokens become likelier; 0 takes the likeliest. `top_k`: only the k
    likeliest; `top_p`: only the likeliest that together reach this probability (Holtzman and others 2020).
    Raises ValueError for a negative temperature or one that is not finite, a `top_k` below 1, a `top_p`
    outside (0, 1].

    >>> sample(np.log([[0.1, 0.7, 0.2]]), temperature=0).tolist()
    [1]
    """
    check_sampling(temperature, top_k, top_p)
    scores = np.asarray(log_probabilities, np.float64)
    return _draw(scores, temperature, top_k, top_p, rng or np.random.default_rng())


def _draw(
    scores: np.ndarray, temperature: float, top_k: int | None, top_p: float | None, rng: np.random.Generator
) -> np.ndarray:
    """`sample` with settings that were checked."""
    if temperature == 0:
        return scores.argmax(1)
    with np.errstate(over="ignore"):
        scaled = scores / temperature
        if not np.isfinite(scaled.max(1)).all():  # a temperature next to 0: the likeliest
            scaled = (scores - scores.max(1, keepdims=True)) / temperature
    scores = scaled
    if top_k is not None and top_k < scores.shape[1]:
        least = np.partition(scores, -top_k, axis=1)[:, -top_k, None]
        scores = np.where(scores < least, -np.inf, scores)
    weights = np.exp(scores - scores.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    if top_p is not None and top_p < 1:
        order = np.argsort(-weights, axis=1, kind="stable")
        ranked = np.take_along_axis(weights, order, 1)
        ranked[np.cumsum(ranked, axis=1) - ranked >= top_p] = 0.0
        np.put_along_axis(weights, order, ranked, 1)
        weights /= weights.sum(1, keepdims=True)
    cumulative = weights.cumsum(1)
    wanted = rng.random(len(weights)) * cumulative[:, -1]
    if len(weights) == 1:  # one stream, the usual case: a search in place of a comparison with all
        return np.minimum(cumulative[0].searchsorted(wanted, "right"), weights.shape[1] - 1)
    return np.minimum((cumulative <= wanted[:, None]).sum(1), weights.shape[1] - 1)


def check_sampling(temperature: Any, top_k: Any, top_p: Any) -> None:
    """ValueError that names the setting which is out of range."""
    if isinstance(temperature, bool) or not isinstance(temperature, (int, float, np.number)):
        raise TypeError(f"`temperature` must be a number >= 0. Received: temperature={temperature!r}")
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"`temperature` must be finite and >= 0. Received: temperature={temperature}")
    if top_k is not None:
        positive_integer("top_k", top_k)
    if top_p is not None and (isinstance(top_p, bool) or not isinstance(top_p, (int, float, np.number))):
        raise TypeError(f"`top_p` must be a number in (0, 1]. Received: top_p={top_p!r}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"`top_p` must be in (0, 1]. Received: top_p={top_p}")


class _Ending:
    """Holds back what may become a stop string, and knows when one is complete."""

    def __init__(self, stop: Sequence[str]) -> None:
        self.stop, self.held, self.ended = stop, "", False

    def add(self, piece: str) -> str:
        """What of the text may be shown after this piece."""
        if not self.stop:
            return piece
        self.held += piece
        places = [self.held.find(stop) for stop in self.stop]
        found = min((place for place in places if place >= 0), default=-1)
        if found >= 0:
            self.ended, shown, self.held = True, self.held[:found], ""
            return shown
        keep = max(
            (n for stop in self.stop for n in range(1, len(stop)) if self.held.endswith(stop[:n])), default=0
        )
        shown = self.held[: len(self.held) - keep]
        self.held = self.held[len(self.held) - keep :]
        return shown


def stream(
    model: Any,
    prompt: str | Sequence[str],
    length: int = 200,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    stop: str | Sequence[str] | None = None,
    unknown: str | None = None,
) -> Iterator[Any]:
    """Writes on from a prompt and yields the text bit by bit: strings, or lists of them for several prompts.

    `length`: how many characters (or words: tokens) are written at most; `stop`: strings at which a text
    ends, not shown; `seed`: the same seed gives the same text. The model needs a text encoder with `decode`
    (encoding.CharEncoder, WordEncoder); characters or words of the prompt that it does not know raise
    ValueError, or are replaced by `unknown`, one it knows (for words also "[UNK]").

    As the one-step models of TensorFlow's and Keras's text generation tutorials.
    """
    single = isinstance(prompt, str)
    prompt = prompt if single else as_list(prompt)
    if not single and not isinstance(prompt, (list, tuple)):
        raise TypeError(f"`prompt` must be a text or a list of texts. Received: prompt={prompt!r}")
    prompts = [prompt] if isinstance(prompt, str) else list(prompt)
    if not prompts:
        raise ValueError(f"`prompt` must hold at least one text. Received: prompt={prompt!r}")
    check_sampling(temperature, top_k, top_p)
    length = positive_integer("length", length)
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0):
        raise ValueError(f"`seed` must be None or an integer >= 0. Received: seed={seed!r}")
    stops = [stop] if isinstance(stop, str) else stop or []
    if not (isinstance(stops, (list, tuple)) and all(isinstance(one, str) and one for one in stops)):
        raise ValueError(f"`stop` must hold strings that are not empty. Received: stop={stop!r}")
    encoder = model.text_encoder
    if not hasattr(encoder, "decode"):
        raise ValueError(
            "the model has no text encoder that can write; set model.text_encoder = "
            f"CharEncoder(vocabulary), or a WordEncoder. Received: text_encoder={encoder!r}"
        )
    stepper = Stepper(model, len(prompts))
    known, predicted = getattr(encoder, "token_count", None), model.outputs[0].shape[-1]
    if known is not None and known != predicted:
        raise ValueError(
            f"the model predicts {predicted} tokens, but its text encoder knows {known}: the last layer "
            "needs as many units as the vocabulary has tokens"
        )
    without_gaps("prompt", prompts, "error", remedy="Leave it out")
    ids = [encode_prompt(encoder, one, unknown) for one in prompts]
    writers = [_Writer(encoder, one, stops) for one in prompts]
    steps = _written(stepper, encoder, ids, writers, length, (temperature, top_k, top_p), seed)
    return (pieces[0] for pieces in steps) if single else steps


def encode_prompt(encoder: Any, prompt: Any, unknown: str | None) -> np.ndarray:
    """The ids of a prompt, which must hold something."""
    if not isinstance(prompt, str) or not prompt:
        raise ValueError(f"`prompt` must be a text of at least one character. Received: prompt={prompt!r}")
    if hasattr(encoder, "encode_prompt"):
        return np.asarray(encoder.encode_prompt(prompt, unknown))
    if unknown is not None:
        raise ValueError(f"`unknown`: {type(encoder).__name__} cannot replace what it does not know")
    return np.asarray(next(iter(encoder([prompt]))))


class _Writer:
    """The text of one prompt: tokens become pieces, until a stop string ends it."""

    def __init__(self, encoder: Any, prompt: str, stops: Sequence[str]) -> None:
        self._ending = _Ending(stops)
        self._text = encoder.writer(prompt).add if hasattr(encoder, "writer") else None
        self._decode = encoder.decode

    @property
    def ended(self) -> bool:
        return self._ending.ended

    def add(self, token: int, last: bool) -> str:
        """What may be shown after this token."""
        if self.ended:
            return ""
        piece = self._ending.add(self._text(token) if self._text else self._decode([token]))
        return piece + (self._ending.held if last and not self.ended else "")


def _written(
    stepper: Stepper,
    encoder: Any,
    ids: list[np.ndarray],
    writers: list[_Writer],
    length: int,
    settings: tuple[float, int | None, float | None],
    seed: int | None,
) -> Iterator[list[str]]:
    rng = np.random.default_rng(seed)
    unwritten = list(getattr(encoder, "unwritten", ()))
    with contextlib.closing(stepper):
        scores = stepper.read(ids)
        for number in range(length):
            if unwritten:
                scores[:, unwritten] = -np.inf
            tokens = _draw(scores, *settings, rng)
            last = number == length - 1
            pieces = [writer.add(token, last) for token, writer in zip(tokens.tolist(), writers, strict=True)]
            if any(pieces):
                yield pieces
            if all(writer.ended for writer in writers):
                return
            if not last:
                scores = stepper.read(tokens[:, None])


def generate(model: Any, prompt: str | Sequence[str], length: int = 200, **settings: Any) -> Any:
    """The text that the model writes on from a prompt (without it), or a list of them for several prompts.

    `settings` as those of `stream`: temperature, top_k, top_p, seed, stop, unknown.
    """
    prompt = prompt if isinstance(prompt, str) else as_list(prompt)
    pieces = list(stream(model, prompt, length, **settings))
    if isinstance(prompt, str):
        return "".join(pieces)
    return ["".join(parts) for parts in zip(*pieces, strict=True)] if pieces else [""] * len(prompt)
