"""MultiOptimizer: several optimizers in one training, each for some of the layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..base.configuration import described
from ..base.named_objects import named_object
from ..graph.variables import Variable
from .base import Optimizer


class MultiOptimizer(Optimizer):
    """Updates the weights of each layer by the optimizer that it is given with. As TensorFlow Addons'
    MultiOptimizer.

    `optimizers_and_layers`: pairs of an optimizer (or its name) and a layer or model, its name, or a list of
    these. Every weight that learns must have one; of two the first counts. Clipping, moving averages and
    weight decay are those of each optimizer, over its own weights. Costs a copy of the gradients. Raises
    TypeError for what is no pair, ValueError, at the first step, for weights without an optimizer.

    >>> import embedcnn
    >>> x = embedcnn.Input((3,))
    >>> hidden, out = embedcnn.layers.Dense(4), embedcnn.layers.Dense(1)
    >>> model = embedcnn.Model(x, out(hidden(x)))
    >>> model.compile(MultiOptimizer([("adam", hidden), (embedcnn.optimizers.SGD(0.1), [out])]), "mse")
    """

    core_name = "sgd"  # of a program whose update is never run

    def __init__(self, optimizers_and_layers: Sequence[Any], name: str | None = None) -> None:
        pairs = list(optimizers_and_layers) if isinstance(optimizers_and_layers, (list, tuple)) else []
        if not pairs or not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):
            raise TypeError(
                "`optimizers_and_layers` must be a list of pairs (optimizer, layers). Received: "
                f"optimizers_and_layers={optimizers_and_layers!r}"
            )
        get = named_object("embedcnn.optimizers:get")
        self.optimizers: list[Optimizer] = [get(optimizer) for optimizer, _ in pairs]
        self._chosen = [list(part) if isinstance(part, (list, tuple)) else [part] for _, part in pairs]
        dense = all(one.embedding_update == "dense" for one in self.optimizers)
        super().__init__(0.0, embedding_update="dense" if dense else "lazy", name=name)

    @property
    def learning_rate(self) -> Any:
        """That of the first optimizer; what is set holds for all of them."""
        return self.optimizers[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        for one in self.optimizers if "counter" in vars(self) else ():  # not what the base begins with
            one.learning_rate = value

    lr = learning_rate

    def rate(self) -> float:
        """The learning rate of the next step of the first optimizer."""
        return self.optimizers[0].rate()

    def divided(self, variables: Mapping[str, Variable]) -> list[tuple[Optimizer, Mapping[str, Variable]]]:
        """The optimizers, each with the variables, by their paths, that it updates."""
        found: list[tuple[Optimizer, Mapping[str, Variable]]] = []
        taken: set[str] = set()
        for optimizer, chosen in zip(self.optimizers, self._chosen, strict=True):
            own = {id(one) for part in chosen if not isinstance(part, str) for one in part.weights}
            names = {part for part in chosen if isinstance(part, str)}
            mine = {
                path: variable
                for path, variable in variables.items()
                if path not in taken and (id(variable) in own or names.intersection(path.split("/")[:-1]))
            }
            taken |= set(mine)
            found.append((optimizer, mine))
        left = [path for path, one in variables.items() if one.trainable and path not in taken]
        if left:
            raise ValueError(
                f"MultiOptimizer has no optimizer for {left}: give the layers of these one, or freeze them"
            )
        return found

    def finalize_variable_values(self, variables: Sequence[Variable]) -> None:
        """Puts moving averages in the place of the values, where an optimizer keeps them."""
        for one in self.optimizers:
            one.finalize_variable_values([variable for variable in variables if variable in one.states])

    def get_config(self) -> dict[str, Any]:
        """The optimizers, and the names of the layers of each."""
        names = [[part if isinstance(part, str) else part.name for part in chosen] for chosen in self._chosen]
        pairs = [[described(one), list(part)] for one, part in zip(self.optimizers, names, strict=True)]
        return {"optimizers_and_layers": pairs, "name": self.name}
