"""What an estimator computes in: its threads, its random numbers, its tags.

All three are scikit-learn's conventions: `n_jobs`, `random_state`, `__sklearn_tags__`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..base.arguments import integer
from ..base.random_seeds import own_sequence
from ..runtime import processors


@contextmanager
def threads(n_jobs: Any) -> Iterator[None]:
    """Inside, steps of this thread use so many threads; None: as many as OpenMP gives (one in a worker of
    joblib that shares the machine), -1: all CPUs, -2: all but one.

    `embedcnn.set_num_threads`, where it has been called, has the last word. ValueError for 0.
    """
    if n_jobs is None:
        yield
        return
    count = integer("n_jobs", n_jobs, -(2**31), 2**31 - 1)
    if count == 0:
        raise ValueError("`n_jobs` must be None, a number of threads, or below 0. Received: n_jobs=0")
    if count < 0:
        count = max(1, processors() + 1 + count)
    try:
        from threadpoolctl import threadpool_limits  # extra: scikit-learn brings it
    except ImportError:
        raise ImportError(
            f"n_jobs={n_jobs} needs threadpoolctl: pip install 'embedcnn[sklearn]', or leave `n_jobs` None "
            "and call embedcnn.set_num_threads"
        ) from None

    with threadpool_limits(limits=count, user_api="openmp"):
        yield


def seed_of(random_state: Any) -> int:
    """A seed in [0, 2**32): `random_state` itself, or drawn from a RandomState or Generator of NumPy; None:
    from NumPy's global generator, as in scikit-learn.
    """
    if random_state is None:
        random_state = np.random.mtrand._rand
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    return integer("random_state", random_state, 0, 2**32 - 1)


@contextmanager
def surroundings(n_jobs: Any, seed: int) -> Iterator[None]:
    """Threads and random numbers of an estimator that learns."""
    with threads(n_jobs), own_sequence(seed):
        yield


def tags(kind: str | None, of_texts: bool = True, several: bool = False) -> Any:
    """scikit-learn's tags of a "classifier", "regressor", "transformer"; of texts or of padded ids."""
    from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags, TransformerTags

    return Tags(
        estimator_type=None if kind == "transformer" else kind,
        target_tags=TargetTags(
            required=kind != "transformer", multi_output=several, single_output=kind != "transformer"
        ),
        transformer_tags=TransformerTags() if kind == "transformer" else None,
        classifier_tags=ClassifierTags(multi_label=several) if kind == "classifier" else None,
        regressor_tags=RegressorTags() if kind == "regressor" else None,
        input_tags=InputTags(
            one_d_array=of_texts,
            two_d_array=not of_texts,
            string=of_texts,
            categorical=not of_texts,
            positive_only=not of_texts,
        ),
    )
