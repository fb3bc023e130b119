"""tune: a study of the default classifier's networks with Optuna, beside its linear parts.

A trial trains a mean of words or a CNN on nine tenths of the texts (choice.Search), and is judged by the log
loss of its mean with the linear parts on the last tenth: what the result is made of. The first trial is what
`train_portfolio` tries, so the study begins where the default ends.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from dataclasses import dataclass
from typing import Any

from ..base.arguments import finite_number, optional, positive_integer
from ..base.checked import checked
from ..classifier.choice import Given, Network, Search
from ..classifier.linear import log_loss, train_linear
from ..classifier.recipe import Settings, Training, label_ids
from ..data.labelled import LabelledTexts
from .pruning import PruningCallback

STARTUP = 4  # trials of each kind before any is ended early
WARMUP = 3  # epochs of a trial before it may be ended
WIDTHS = ("1,2,3", "2,3,4", "1,2", "1,2,3,4,5")
SPACES: dict[str, dict[str, tuple[Any, ...]]] = {
    "avg": {
        "dimensions": (16, 32, 64, 128),
        "word_ngrams": (1, 2, 3),
        "dropout": (0.0, 0.6),
        "learning_rate": (1e-3, 2e-2),
        "batch_size": (25, 50, 100),
    },
    "cnn": {
        "filters": (50, 100, 200, 300),
        "widths": WIDTHS,
        "dimensions": (100, 200, 300),
        "dropout": (0.2, 0.7),
        "word_dropout": (0.0, 0.4),
        "learning_rate": (3e-4, 3e-3),
        "batch_size": (25, 50, 100),
    },
}
"""What is tried: values to choose from, or, of two floats, a range; learning rates by their logarithm."""


@dataclass(frozen=True, eq=False)
class Tuned:
    """What `tune` returns: the `model`, trained on all texts with the best settings; `study`, Optuna's;
    `choice`, lines that say what the model is made of; whether Ctrl-C ended it.
    """

    model: Any
    study: Any
    choice: tuple[str, ...]
    interrupted: bool

    @property
    def trials(self) -> list[dict[str, Any]]:
        """Each trial: `number`, `state` ("complete", "pruned" or "fail"), `value` (log loss, less is better;
        None), `epochs`, and its settings.
        """
        return [
            {
                "number": trial.number,
                "state": trial.state.name.lower(),
                "value": trial.value,
                "epochs": len(trial.intermediate_values),
                **trial.params,
            }
            for trial in self.study.trials
        ]


@checked
def tune(
    train: LabelledTexts,
    development: LabelledTexts | None = None,
    settings: Settings | None = None,
    *,
    seconds: float | None = 60.0,
    trials: int | None = None,
    storage: Any = None,
    study_name: str = "embedcnn",
    tokenizer: str = "words",
    max_words: int | None = None,
    vectors: Any = None,
    freeze: bool = False,
    show_progress: bool = False,
) -> Tuned:
    """Searches settings of the networks beside the linear parts of `train_portfolio`, and trains the best on
    all texts.

    Ends before `seconds` are over, what training the result takes included (None: no limit), or after
    `trials` more trials. `storage`: the file of an SQLite database that keeps the study: called again, it
    goes on where it ended or was killed, with the best networks so far. `settings`: what is not searched.
    `development`, `tokenizer`, `max_words`, `vectors` and `freeze` as in `train_portfolio`. Ctrl-C ends the
    search early; the result is the best so far. With `trials` alone the same seed gives the same result.
    Needs Optuna (the extra `tune`).

    Raises ImportError without it; ValueError for a study of other texts, and where neither `seconds` nor
    `trials` are given.

    >>> from embedcnn.data import LabelledTexts
    >>> pets = LabelledTexts(["it purrs", "it barks", "purrs", "barks"] * 60, list("cdcd") * 60)
    >>> found = tune(pets, seconds=20)  # doctest: +SKIP
    >>> found.model.predict_labels(["what purrs there"])  # doctest: +SKIP
    ['c']
    """
    settings = settings or Settings()
    seconds = optional(finite_number, "seconds", seconds, above=0)
    trials = optional(positive_integer, "trials", trials)
    if seconds is None and trials is None:
        raise ValueError("`seconds` or `trials` must say when the study ends. Received: None for both")
    if development is not None:
        label_ids(development, train.label_names)
    end = None if seconds is None else time.monotonic() + seconds
    study = _open_study(storage, study_name, _fingerprint(train, development, settings), settings.seed)
    linear = train_linear(train, settings, tokenizer, max_words)
    given = Given(settings, tokenizer, max_words, vectors, freeze, False)
    running = _Study(study, Search(train, development, linear, given), end, show_progress)
    interrupted = running.run(trials)
    training = running.search.finish()
    return Tuned(training.model, study, _lines(training, study), interrupted or training.interrupted)


class _Study:
    """The trials, and the best networks they left."""

    def __init__(self, study: Any, search: Search, end: float | None, show_progress: bool) -> None:
        self.study, self.search, self.end, self.show_progress = study, search, end, show_progress
        self.losses: dict[str, float] = {}  # of the best network of each kind, with the linear parts
        self.longest = 0.0  # seconds of a trial

    def run(self, trials: int | None) -> bool:
        """Runs trials while there is time; whether Ctrl-C ended them."""
        from optuna.trial import TrialState  # the extra `tune`

        self.search.prepare(self.search.rest)
        try:
            self._recall(TrialState.COMPLETE)
            for number in itertools.count():
                if number == trials or (number and not self._has_time()):
                    break
                self._one(TrialState)
        except KeyboardInterrupt:
            return True
        return False

    def _recall(self, complete: Any) -> None:
        """The best networks of an earlier run, trained again, to the same bits."""
        for kind in SPACES:
            done = [
                trial
                for trial in self.study.trials
                if trial.state == complete and trial.params["model"] == kind
            ]
            if done:
                best = min(done, key=lambda trial: trial.value)
                self._keep(self.search.train_network(kind, self._settings(best.params)))

    def _has_time(self) -> bool:
        """Whether one more trial, and training the networks chosen on all texts, fit into what is left."""
        again = (1 + len(self.losses)) * self.longest
        return self.end is None or time.monotonic() + again < self.end

    def _one(self, states: Any) -> None:
        from optuna import TrialPruned  # the extra `tune`

        begin = time.monotonic()
        if not self.study.trials:
            self.study.enqueue_trial(_defaults(self.search))
        trial = self.study.ask()
        state, value = states.FAIL, None
        try:
            chosen = _suggested(trial, self.search.given.vectors is not None)
            settings = self._settings(chosen)
            pruning = PruningCallback(trial, "val_loss")
            network = self.search.train_network(chosen["model"], settings, [pruning])
            if network is not None:
                value = self._keep(network)
                state = states.COMPLETE
        except TrialPruned:
            state = states.PRUNED
        finally:
            self.study.tell(trial, value, state=state)
        self.longest = max(self.longest, time.monotonic() - begin)
        if self.show_progress:
            told = state.name.lower() if value is None else f"log loss {value:.4f}"
            print(f"trial {trial.number}: {told}, {_described(chosen)}", flush=True)

    def _settings(self, chosen: dict[str, Any]) -> Settings:
        first = chosen["model"] + "_"
        changes = {
            name.removeprefix(first): value for name, value in chosen.items() if name.startswith(first)
        }
        if "widths" in changes:
            changes["widths"] = tuple(map(int, changes["widths"].split(",")))
        return self.search.settings_of(chosen["model"], changes)

    def _keep(self, network: Network | None) -> float:
        """Its log loss with the linear parts; the network stays where it is the best of its kind."""
        if network is None:
            return float("inf")
        search = self.search
        loss = log_loss(search.mean([network]), search.y, search.weights)
        if loss < self.losses.get(network.kind, float("inf")):
            self.losses[network.kind], search.networks[network.kind] = loss, network
        return loss


def _defaults(search: Search) -> dict[str, Any]:
    """The settings of the first trial: what the default tries."""
    kind = "cnn" if search.given.vectors is not None else "avg"
    settings = search.settings_of(kind, {})
    found = {name: getattr(settings, name) for name in SPACES[kind]}
    if "widths" in found:
        found["widths"] = ",".join(map(str, found["widths"]))
    if found["dimensions"] is None:
        found["dimensions"] = {"avg": 32, "cnn": 300}[kind]
    return {"model": kind, **{f"{kind}_{name}": value for name, value in found.items()}}


def _suggested(trial: Any, has_vectors: bool) -> dict[str, Any]:
    """The parameters of a trial: "model", and those of its kind, whose names begin with it."""
    kind = trial.suggest_categorical("model", list(SPACES))
    found: dict[str, Any] = {"model": kind}
    for name, values in SPACES[kind].items():
        if kind == "cnn" and name == "dimensions" and has_vectors:
            continue  # the vectors decide
        if len(values) == 2 and all(isinstance(value, float) for value in values):
            value = trial.suggest_float(f"{kind}_{name}", *values, log=name == "learning_rate")
        else:
            value = trial.suggest_categorical(f"{kind}_{name}", list(values))
        found[f"{kind}_{name}"] = value
    return found


def _open_study(storage: Any, name: str, texts: str, seed: int) -> Any:
    try:
        import optuna  # the extra `tune`
    except ImportError as error:
        raise ImportError("tune needs Optuna: pip install 'embedcnn[tune]'") from error
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(
            storage=None if storage is None else f"sqlite:///{storage}",
            study_name=name,
            direction="minimize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(STARTUP, WARMUP),
        )
    finally:
        optuna.logging.set_verbosity(verbosity)
    known = study.user_attrs.get("texts")
    if known not in (None, texts):
        raise ValueError(
            f"the study {name!r} in {storage} is of other texts or settings: give `study_name` another name, "
            "or `storage` another file"
        )
    if known is None:
        study.set_user_attr("texts", texts)
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials), n_startup_trials=8)
    return study


def _fingerprint(train: LabelledTexts, development: LabelledTexts | None, settings: Settings) -> str:
    """What makes trials comparable: the texts, their labels, and the settings that are not searched."""
    digest = hashlib.sha256()
    for part in (train, development):
        for text, label in part or ():
            digest.update(f"{len(text)} {text}{label}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16] + f" {settings.seed} {settings.class_weight}"


def _described(chosen: dict[str, Any]) -> str:
    values = (f"{value:.3g}" if isinstance(value, float) else str(value) for value in chosen.values())
    return ", ".join(f"{name} {value}" for name, value in zip(chosen, values, strict=True))


def _lines(training: Training, study: Any) -> tuple[str, ...]:
    """What `train_portfolio` says, and what the study did."""
    states = [trial.state.name.lower() for trial in study.trials]
    counted = f"{len(states)} trials, {states.count('pruned')} of them ended early"
    done = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    if not done:
        return (*training.choice, f"study: {counted}")
    best = min(done, key=lambda trial: trial.value)
    told = f"best: number {best.number}, log loss {best.value:.4f} ({_described(best.params)})"
    return (*training.choice, f"study: {counted}; {told}")
