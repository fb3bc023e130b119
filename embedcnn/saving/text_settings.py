"""The text encoder of a model in its file: its settings, and its words as vocabulary.txt."""

from __future__ import annotations

from typing import Any

from ..base.named_objects import named_object

ENCODERS = {
    "CharEncoder": "embedcnn.text.encoders:CharEncoder",
    "TextEncoder": "embedcnn.text.text_encoder:TextEncoder",
    "TokenizerEncoder": "embedcnn.text.encoders:TokenizerEncoder",
    "WordEncoder": "embedcnn.text.encoders:WordEncoder",
}
"""The text encoders that a file may name: nothing else is ever built from one."""


def _encoder_class(name: str) -> Any:
    if name not in ENCODERS:
        raise ValueError(f"unknown text encoder {name!r}; allowed: {', '.join(ENCODERS)}")
    return named_object(ENCODERS[name])


def encoder_config(encoder: Any) -> tuple[dict[str, Any], bytes | None]:
    """The settings of a text encoder, and its words as the bytes of vocabulary.txt."""
    name = type(encoder).__name__
    if type(encoder) is not _encoder_class(name):
        raise TypeError(
            "text_encoder: only TextEncoder, TokenizerEncoder, CharEncoder and WordEncoder can be stored. "
            f"Received: {name}"
        )
    vocabulary = getattr(encoder, "vocabulary", None)
    entry = {"class_name": name, "config": encoder.get_config()}
    if vocabulary is None:
        return entry, None
    entry["vocabulary"] = vocabulary.settings
    return entry, vocabulary.to_text().encode("utf-8", "surrogatepass")


def encoder_from_config(entry: dict[str, Any], vocabulary: bytes | None) -> Any:
    """The text encoder of `encoder_config`."""
    cls = _encoder_class(entry["class_name"])
    if vocabulary is None:
        return cls.from_config(entry["config"])
    from ..text.vocabulary import Vocabulary  # at start-up most models have no text

    words = Vocabulary.from_text(vocabulary.decode("utf-8", "surrogatepass"), **entry["vocabulary"])
    return cls.from_config(entry["config"], words)
