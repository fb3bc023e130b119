"""The optimizers in float64: each takes a variable, its slots (changed in place) and a gradient.

Each returns the new value. All are Keras 3's; `step` counts the variable's updates from 1."""

import numpy as np

MOST_SLOTS = 3


def sgd(value, slots, gradient, rate, step, momentum=0.0, nesterov=False, weight_decay=0.0):
    """Keras's SGD; returns the new value, changes slots in place."""
    value = value - rate * weight_decay * value
    if not momentum:
        return value - rate * gradient
    slots[0] = momentum * slots[0] - rate * gradient
    return value + (momentum * slots[0] - rate * gradient if nesterov else slots[0])


def adam(
    value,
    slots,
    gradient,
    rate,
    step,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-7,
    amsgrad=False,
    weight_decay=0.0,
):
    """Keras's Adam (Kingma and Ba 2015, the "epsilon hat" form)."""
    value = value - rate * weight_decay * value
    slots[0] = slots[0] + (gradient - slots[0]) * (1 - beta_1)
    slots[1] = slots[1] + (gradient**2 - slots[1]) * (1 - beta_2)
    rate = rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    square = slots[1]
    if amsgrad:
        slots[2] = square = np.maximum(slots[2], square)
    return value - rate * slots[0] / (np.sqrt(square) + epsilon)


def rmsprop(
    value, slots, gradient, rate, step, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False, weight_decay=0.0
):
    """Keras's RMSprop (Hinton, lecture 6e)."""
    value = value - rate * weight_decay * value
    slots[0] = rho * slots[0] + (1 - rho) * gradient**2
    square = slots[0]
    if centered:
        slots[2] = rho * slots[2] + (1 - rho) * gradient
        square = square - slots[2] ** 2
    change = rate * gradient / np.sqrt(square + epsilon)
    if momentum:
        slots[1] = change = momentum * slots[1] + change
    return value - change


def adagrad(value, slots, gradient, rate, step, epsilon=1e-7, weight_decay=0.0):
    """Keras's Adagrad (Duchi and others 2011)."""
    value = value - rate * weight_decay * value
    slots[0] = slots[0] + gradient**2
    return value - rate * gradient / np.sqrt(slots[0] + epsilon)


def adadelta(value, slots, gradient, rate, step, rho=0.9, epsilon=1e-7, weight_decay=0.0):
    """Keras's Adadelta (Zeiler 2012)."""
    value = value - rate * weight_decay * value
    slots[0] = rho * slots[0] + (1 - rho) * gradient**2
    change = gradient * np.sqrt(slots[1] + epsilon) / np.sqrt(slots[0] + epsilon)
    slots[1] = rho * slots[1] + (1 - rho) * change**2
    return value - rate * change


def adamax(value, slots, gradient, rate, step, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=0.0):
    """Keras's Adamax (Kingma and Ba 2015)."""
    value = value - rate * weight_decay * value
    slots[0] = slots[0] + (gradient - slots[0]) * (1 - beta_1)
    slots[1] = np.maximum(beta_2 * slots[1], np.abs(gradient))
    return value - rate / (1 - beta_1**step) * slots[0] / (slots[1] + epsilon)


def nadam(value, slots, gradient, rate, step, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=0.0):
    """Keras's Nadam (Dozat 2016)."""
    value = value - rate * weight_decay * value
    momenta = beta_1 * (1 - 0.5 * 0.96 ** np.arange(1, step + 2))
    product = momenta[:-1].prod()
    slots[0] = slots[0] + (gradient - slots[0]) * (1 - beta_1)
    slots[1] = slots[1] + (gradient**2 - slots[1]) * (1 - beta_2)
    mean = momenta[-1] * slots[0] / (1 - product * momenta[-1]) + (1 - momenta[-2]) * gradient / (1 - product)
    return value - rate * mean / (np.sqrt(slots[1] / (1 - beta_2**step)) + epsilon)


UPDATES = {
    "sgd": sgd,
    "adam": adam,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
    "adadelta": adadelta,
    "adamax": adamax,
    "nadam": nadam,
}
