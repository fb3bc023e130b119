"""Short reviews drawn at random, for tests of models of n-grams: words that tell labels apart, and others."""

import numpy as np

GOOD = ["good", "fine", "great", "fun", "moving"]
BAD = ["bad", "dull", "poor", "awful", "flat"]
MIXED = ["so", "odd", "slow", "bold"]
OTHERS = ["a", "film", "the", "plot", "it", "is", "and", "café", "naïve", "Ünder", "好", "的", ",", ".", "!"]
OF_LABEL = {"bad": BAD, "good": GOOD, "mixed": MIXED}


def draw(count=120, labels=("bad", "good"), seed=0, longest=14):
    """Texts and the label of each; some texts have breaks, capitals and no word at all."""
    rng = np.random.default_rng(seed)
    texts, y = [], []
    for number in range(count):
        label = labels[number % len(labels)]
        words = list(rng.choice(OTHERS, rng.integers(0, longest))) + list(rng.choice(OF_LABEL[label], 2))
        rng.shuffle(words)
        text = " ".join(words)
        texts.append(
            text.title() if number % 7 == 0 else f"{text}<br />{words[0]}" if number % 5 == 0 else text
        )
        y.append(label)
    texts[-1] = ""
    return texts, y
