"""Callbacks: what happens between the steps of `fit`. Names, arguments and rules are Keras's."""

from typing import Any

from ..base.keras_names import no_such_name
from .averages import SwapEMAWeights
from .backup import BackupAndRestore
from .base import MOMENTS, Callback, CallbackList, History, LambdaCallback
from .carry_state import CarryState
from .checkpoint import ModelCheckpoint
from .logger import CSVLogger
from .monitor import EarlyStopping, Monitor, ReduceLROnPlateau
from .schedule import LearningRateScheduler, TerminateOnNaN, UnfreezeAt
from .tensorboard import TensorBoard

__all__ = [
    "MOMENTS",
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "CarryState",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "Monitor",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
    "UnfreezeAt",
]


def __getattr__(name: str) -> Any:
    """What to use in the place of a name that is not here."""
    raise no_such_name("callbacks", name, __all__)
