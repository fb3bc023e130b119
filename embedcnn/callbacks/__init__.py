"""Callbacks: what happens between the steps of `fit`. Names, arguments and rules are Keras's."""

from .base import MOMENTS, Callback, CallbackList, History, LambdaCallback
from .checkpoint import ModelCheckpoint
from .monitor import EarlyStopping, Monitor, ReduceLROnPlateau
from .schedule import LearningRateScheduler, TerminateOnNaN, UnfreezeAt

__all__ = [
    "MOMENTS",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "Monitor",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
    "UnfreezeAt",
]
