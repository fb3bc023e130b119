"""Adam and its relatives: AdamW, Adamax, Nadam."""

from __future__ import annotations

from typing import Any

from ..base.arguments import finite_number
from ..base.checked import checked
from .base import Optimizer


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015) with Keras's epsilon, 1e-7, outside the bias correction; `weight_decay` makes
    it AdamW.

    With `amsgrad` the largest mean square so far takes the place of the present one (Reddi, Kale and Kumar
    2018). Each variable counts its own updates. Raises ValueError unless 0 <= beta_1, beta_2 < 1 and
    epsilon > 0, TypeError for unknown arguments. As keras.optimizers.Adam.

    >>> Adam(learning_rate=0.002, clipnorm=1.0).rate()
    0.002
    """

    core_name = "adam"
    slot_names = ("momentum", "velocity")

    @checked
    def __init__(
        self,
        learning_rate: Any = None,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.amsgrad = amsgrad
        self.beta_1 = float(finite_number("beta_1", beta_1, least=0, below=1))
        self.beta_2 = float(finite_number("beta_2", beta_2, least=0, below=1))
        self.epsilon = float(finite_number("epsilon", epsilon, above=0))

    def used_slots(self) -> tuple[str, ...]:
        return (*self.slot_names, *(["velocity_hat"] if self.amsgrad else []))

    def core_settings(self) -> dict[str, Any]:
        return {
            **({"amsgrad": True} if self.amsgrad else {}),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            **super().core_settings(),
        }


class AdamW(Adam):
    """Adam with decoupled weight decay, 0.004 unless told otherwise (Loshchilov and Hutter 2019). As
    keras.optimizers.AdamW.

    >>> AdamW().weight_decay
    0.004
    """

    @checked
    def __init__(
        self,
        learning_rate: Any = None,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **options
        )


class _WithoutAmsgrad(Adam):
    """A relative of Adam that has no such setting."""

    not_stored = ("amsgrad",)  # always False

    def __init__(self, learning_rate: Any = None, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        if self.amsgrad:
            raise ValueError(
                f"`amsgrad` must be False: only Adam and AdamW have it, not {type(self).__name__}. Received: "
                "amsgrad=True"
            )


class Adamax(_WithoutAmsgrad):
    """Adam with the largest gradient seen in the place of the mean square (Kingma and Ba 2015, section 7).

    Raises ValueError and TypeError as Adam. As keras.optimizers.Adamax.

    >>> Adamax(0.002)
    <Adamax learning_rate=0.002, iterations=0>
    """

    core_name = "adamax"


class Nadam(_WithoutAmsgrad):
    """Adam with Nesterov's momentum (Dozat 2016). Raises ValueError and TypeError as Adam. As
    keras.optimizers.Nadam.

    >>> Nadam(0.002)
    <Nadam learning_rate=0.002, iterations=0>
    """

    core_name = "nadam"
