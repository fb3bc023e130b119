"""Callbacks: what happens between the steps of `fit`. Names, arguments and rules are Keras's."""

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
