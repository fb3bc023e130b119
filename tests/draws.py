"""How many examples hypothesis draws: a quarter of what a test asks for; all of them with
EMBEDCNN_HYPOTHESIS=all, as CI does once; few under sanitizers, which see more in each.
"""

import os

SHARES = {"some": 0.25, "all": 1.0, "sanitizers": 0.1}
SHARE = SHARES[os.environ.get("EMBEDCNN_HYPOTHESIS", "some")]


def examples(asked: int) -> int:
    """The share of `asked` examples that this run draws, at least 10."""
    return max(10, round(asked * SHARE))
