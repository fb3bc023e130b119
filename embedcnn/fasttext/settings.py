"""The arguments of fastText's training, checked: its names, its defaults, its ranges."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import Any

from ..base.arguments import finite_number, integer, one_of, optional
from ..base.random_seeds import checked_seed
from .files import LOSSES

MOST_LABELLED = 2**31 - 1
MOST_WINDOW = 1000
SIZE_UNITS = {"": 1, "k": 1000, "K": 1000, "m": 1000**2, "M": 1000**2, "g": 1000**3, "G": 1000**3}


@dataclass(frozen=True)
class Settings:
    """Of one training; the names are fastText's."""

    lr: float = 0.1
    dim: int | None = None
    ws: int = 5
    epoch: int = 5
    minCount: int = 1
    minCountLabel: int = 0
    minn: int = 0
    maxn: int = 0
    neg: int = 5
    wordNgrams: int = 1
    loss: str = "softmax"
    bucket: int = 2000000
    thread: int | None = None
    lrUpdateRate: int = 100
    t: float = 1e-4
    label: str = "__label__"
    verbose: int = 2
    seed: int = 0
    model: str = "supervised"

    def checked(self) -> Settings:
        """The same, as numbers of the right types; ValueError or TypeError names what is out of range."""
        most = MOST_LABELLED
        made = replace(
            self,
            lr=float(finite_number("lr", self.lr, above=0)),
            dim=optional(integer, "dim", self.dim, 1, 65536),
            ws=integer("ws", self.ws, 1, most),
            epoch=integer("epoch", self.epoch, 0, most),
            minCount=integer("minCount", self.minCount, 0, most),
            minCountLabel=integer("minCountLabel", self.minCountLabel, 0, most),
            minn=integer("minn", self.minn, 0, 1000),
            maxn=integer("maxn", self.maxn, 0, 1000),
            neg=integer("neg", self.neg, 0, most),
            wordNgrams=integer("wordNgrams", self.wordNgrams, 1, 1000),
            loss=one_of("loss", {"one-vs-all": "ova"}.get(self.loss, self.loss), tuple(LOSSES)),
            bucket=integer("bucket", self.bucket, 0, most),
            thread=optional(integer, "thread", self.thread, 1, 64),
            lrUpdateRate=integer("lrUpdateRate", self.lrUpdateRate, 0, most),
            t=float(finite_number("t", self.t, least=0)),
            label=self._checked_label(),
            verbose=integer("verbose", self.verbose, 0, 100),
            seed=checked_seed("seed", self.seed),
        )
        return made._checked_ngrams()

    def _checked_label(self) -> str:
        if not isinstance(self.label, str):
            raise TypeError(f"`label` must be a str. Received: label={self.label!r}")
        if not self.label or re.search(r"[ \t\n\v\f\r\0]", self.label):
            raise ValueError(
                f"`label` must be what labels begin with, without blanks. Received: label={self.label!r}"
            )
        return self.label

    def _checked_ngrams(self) -> Settings:
        if self.maxn and self.minn > self.maxn:
            raise ValueError(f"`minn` must be at most maxn. Received: minn={self.minn}, maxn={self.maxn}")
        if self.wordNgrams <= 1 and not self.maxn:
            return replace(self, bucket=0)  # as fastText: there is nothing to put into buckets
        if not self.bucket:
            raise ValueError(
                "`bucket` must be at least 1 where there are n-grams (wordNgrams > 1 or maxn > 0). "
                "Received: bucket=0"
            )
        return self

    def args(self, dim: int) -> dict[str, Any]:
        """What stands in a model's file."""
        kept = (
            "ws",
            "epoch",
            "minCount",
            "neg",
            "wordNgrams",
            "loss",
            "bucket",
            "minn",
            "maxn",
            "lrUpdateRate",
            "t",
        )
        return {"dim": dim, "model": self.model, **{name: getattr(self, name) for name in kept}}


DEFAULTS = {field.name: field.default for field in fields(Settings)}


def checked_size(size: Any) -> int | None:
    """Bytes of `autotuneModelSize`, as "2M" or "100k"; None without a limit."""
    if size in ("", None):
        return None
    found = re.fullmatch(r"(\d+)([kKmMgG]?)", size) if isinstance(size, str) else None
    if not found or not int(found[1]):
        raise ValueError(
            "`autotuneModelSize` must be a number of bytes, with K, M or G behind it perhaps, as '2M'. "
            f"Received: autotuneModelSize={size!r}"
        )
    return int(found[1]) * SIZE_UNITS[found[2]]
