"""Elements whose `map` failed, left out and counted: what `Dataset.ignore_errors` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from embedcnn.base.arguments import warn_user
from embedcnn.data.streams import Path, opened

if TYPE_CHECKING:
    from embedcnn.data.dataset import Dataset
    from embedcnn.data.pipeline import Pipeline


class Failed:
    """What stands in the place of an element whose function raised."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


def guarded(function: Callable[..., Any], ignored: type[Exception]) -> Callable[..., Any]:
    """`function`, which gives a Failed where it raised an exception of type `ignored`."""

    def call(*parts: Any) -> Any:
        try:
            return function(*parts)
        except ignored as error:
            return Failed(error.with_traceback(None))  # the traceback would hold the element

    return call


def without_failed(
    mapped: Dataset, path: Path, messages: list[str], show: Callable[[str], None] | None
) -> Iterator[Any]:
    """The elements that did not fail; `messages` are those of the errors of this pass, one each.

    Raises the first error where nothing else is left: then the function is wrong, not an element.
    """
    found: list[str] = []
    first: Exception | None = None
    given = 0
    with opened(mapped, path) as elements:
        for position, element in enumerate(elements):
            if isinstance(element, Failed):
                first = first or element.error
                found.append(f"element {position}: {element.error}")
                continue
            given += 1
            yield element
    messages[:] = found
    if first is not None and not given:
        raise first
    if found and show is not None:
        show(f"ignore_errors left out {len(found)} of {given + len(found)} elements. The first: {found[0]}")


def ignore(
    source: Pipeline, recipe: Callable[[Callable[..., Any]], Dataset], ignored: type[Exception], warn: bool
) -> Dataset:
    """The data set that `recipe` makes of a guarded function, without the elements that failed."""
    mapped = recipe(lambda function: guarded(function, ignored))
    messages: list[str] = []
    show = warn_user if warn else None
    result = source._derive(lambda path: without_failed(mapped, path, messages, show))
    result.ignored_errors = messages
    return result
