"""The error of what is asked before `fit`: scikit-learn's where it is loaded, so that its tools know it.

scikit-learn is never imported for it: who has not loaded it cannot wait for its error.
"""

from __future__ import annotations

import sys


def not_fitted(text: str) -> ValueError:
    """A NotFittedError of scikit-learn where it is loaded, else a ValueError, which that is too.

    >>> isinstance(not_fitted("call fit first"), ValueError)
    True
    """
    exceptions = sys.modules.get("sklearn.exceptions")
    error: type[ValueError] = ValueError if exceptions is None else exceptions.NotFittedError
    return error(text)
