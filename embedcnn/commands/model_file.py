"""Model files as the commands meet them: the check before writing one, and loading."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from typing import Any

from embedcnn.base.pipes import is_pipe
from embedcnn.commands.errors import CommandError
from embedcnn.fasttext.files import MAGIC

MEMBERS = {"config.json", "weights.safetensors"}


def is_model(path: str) -> bool:
    """Whether a file looks like a saved model."""
    if is_pipe(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist()) >= MEMBERS
    except (OSError, zipfile.BadZipFile):
        return False


def is_fasttext(path: str) -> bool:
    """Whether a file begins as fastText's do."""
    if not os.path.isfile(path) or is_pipe(path):
        return False
    with open(path, "rb") as file:
        return int.from_bytes(file.read(4), "little") == MAGIC


def check_name(path: str, option: str = "--out") -> str:
    """Refuses, before any work, a name of --out (or another option) that no file can have; its folder."""
    if not path:
        raise CommandError(f"{option}: the name of a file is needed. Received: ''")
    if os.path.isdir(path):
        raise CommandError(f"{option}: {path!r} is a folder; give the name of a file")
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise CommandError(f"{option}: there is no folder {folder!r}")
    return folder


def check_output(path: str | None, read: Sequence[str]) -> None:
    """Refuses, before any work, an output that no file or folder can be, or that is read too."""
    if path is None:
        return
    if is_new_folder(path):
        return
    if not os.path.isdir(path):
        check_name(path)
        targets = [path]
    else:
        targets = [os.path.join(path, os.path.basename(one)) for one in read]
    for target in targets:
        check_unread(target, read)


def is_new_folder(path: str) -> bool:
    """Whether a name says that it is a folder, which can be made, and is not there yet.

    >>> is_new_folder("kept/"), is_new_folder("kept")
    (True, False)
    """
    name = path.rstrip("/")
    return path != name and os.path.isdir(os.path.dirname(name) or ".") and not os.path.lexists(name)


def same_file(one: str, other: str) -> bool:
    """Whether both are names of one file that there is."""
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)


def check_unread(path: str, read: Sequence[str | None], option: str = "--out") -> None:
    """Refuses, before any work, an output that is one of the files that are read."""
    if any(one is not None and same_file(one, path) for one in read):
        raise CommandError(f"{option}: {path!r} is read too; choose another name")


def check_target(path: str, force: bool, read: Sequence[str | None] = ()) -> str | None:
    """Refuses, before any work, a name that cannot be written, or of a file that is read; what to say where
    one will be replaced.
    """
    folder = check_name(path)
    check_unread(path, read)
    if is_pipe(path):
        raise CommandError(f"--out: {path!r} is a pipe or a device; give the name of a file")
    if not os.access(folder, os.W_OK):
        raise CommandError(f"--out: the folder {folder!r} cannot be written to")
    if not os.path.exists(path):
        return None
    if not os.access(path, os.W_OK) or not os.stat(path).st_mode & 0o222:
        raise CommandError(f"--out: {path!r} is read-only")
    if is_model(path):
        return f"the model {path} will be replaced"
    if not force:
        raise CommandError(
            f"--out: {path!r} exists and is no embedcnn model; choose another name, or --force"
        )
    return f"the file {path} will be replaced"


def number_of_label(path: str, labels: Sequence[Any], label: str) -> int:
    """The number of what --label names among the labels of a model; CommandError where it is none of them."""
    names = [str(name) for name in labels]
    if label not in names:
        shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        raise CommandError(f"--label: {path!r} has no label {label!r}; it has {shown}")
    return names.index(label)


def load_any_model(path: str) -> Any:
    """A saved model of any kind; CommandError where there is none."""
    from embedcnn.models.sequential import load_model  # start-up

    if os.path.isdir(path):
        raise CommandError(f"{path!r} is a folder; a saved model is one file")
    if not os.path.exists(path):
        raise CommandError(f"there is no model file {path!r}; `embedcnn train` makes one")
    if is_fasttext(path):
        raise CommandError(
            f"{path!r} is a model of fastText's, for `embedcnn predict`, `filter`, `test`, "
            "`quantize` and `info`"
        )
    return load_model(path)


def load_text_model(path: str) -> Any:
    """A saved model that takes texts and gives labels; CommandError for one that does not."""
    model = load_any_model(path)
    if model.labels is None and hasattr(model.text_encoder, "token_count"):
        raise CommandError(f"{path!r} is a language model, without labels; `embedcnn generate` is for it")
    takes_texts = model.text_encoder is not None or all(one.dtype == "string" for one in model.inputs)
    if not takes_texts or model.labels is None:
        raise CommandError(
            f"{path!r} has no vocabulary or no labels; set model.text_encoder and model.labels before save"
        )
    if len(model.outputs) != 1 or model.outputs[0].shape[1:] != (len(model.labels),):
        raise CommandError(f"{path!r} does not give one probability per label; use it from Python")
    return model
