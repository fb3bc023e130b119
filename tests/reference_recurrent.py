"""Recurrent layers in float64: one text and one step at a time."""

import numpy as np
import reference
from reference import Sequence

ACTIVATE = reference.activation


def simple_step(a, inner, h, c, settings):
    y, slope = ACTIVATE(a, settings["activation"])

    def back(d_h, d_c):
        return slope(d_h)[0], None, 0 * h, d_c

    return y, c, back


def lstm_step(a, inner, h, c, settings):
    parts = np.split(a, 4)
    (i, b_i), (f, b_f), (o, b_o) = (ACTIVATE(parts[n], settings["recurrent_activation"]) for n in (0, 1, 3))
    g, b_g = ACTIVATE(parts[2], settings["activation"])
    new_c = f * c + i * g
    squashed, b_c = ACTIVATE(new_c, settings["activation"])

    def back(d_h, d_c):
        d_c = d_c + b_c(d_h * o)[0]
        d = [b_i(d_c * g)[0], b_f(d_c * c)[0], b_g(d_c * i)[0], b_o(d_h * squashed)[0]]
        return np.concatenate(d), None, 0 * h, d_c * f

    return o * squashed, new_c, back


def gru_step(a, inner, h, c, settings):
    a_z, a_r, a_g = np.split(a, 3)
    z, b_z = ACTIVATE(a_z, settings["recurrent_activation"])
    r, b_r = ACTIVATE(a_r, settings["recurrent_activation"])
    g, b_g = ACTIVATE(a_g + r * inner, settings["activation"])

    def back(d_h, d_c):
        d_sum = b_g(d_h * (1 - z))[0]
        d_a = np.concatenate([b_z(d_h * (h - g))[0], b_r(d_sum * inner)[0], d_sum])
        return d_a, d_sum * r, d_h * z, d_c

    return z * h + (1 - z) * g, c, back


def gru_step_reset_before(a, masked, h, w, settings):
    """The reset gate before the product: g = act(x W_g + (r h) W_g); the gradients of a, of the state that
    the products read, of their weights, and what reaches h directly."""
    n = len(h)
    a = a + masked @ np.concatenate([w[:, : 2 * n], np.zeros((n, n))], 1)
    z, b_z = ACTIVATE(a[:n], settings["recurrent_activation"])
    r, b_r = ACTIVATE(a[n : 2 * n], settings["recurrent_activation"])
    g, b_g = ACTIVATE(a[2 * n :] + (r * masked) @ w[:, 2 * n :], settings["activation"])

    def back(d_h):
        d_g = b_g(d_h * (1 - z))[0]
        d_product = d_g @ w[:, 2 * n :].T
        d_gates = np.concatenate([b_z(d_h * (h - g))[0], b_r(d_product * masked)[0]])
        d_masked = d_gates @ w[:, : 2 * n].T + d_product * r
        d_w = np.concatenate([np.outer(masked, d_gates), np.outer(r * masked, d_g)], 1)
        return np.concatenate([d_gates, d_g]), d_masked, d_w, d_h * z

    return z * h + (1 - z) * g, back


STEPS = {"simple_rnn": simple_step, "lstm": lstm_step, "gru": gru_step}


def recurrent(
    name,
    x: Sequence,
    states,
    kernel,
    recurrent_kernel,
    bias=None,
    *,
    state_mask=None,
    return_sequences=False,
    return_state=False,
    reverse=False,
    keep_order=False,
    zero_output_for_mask=False,
    activation="tanh",
    recurrent_activation="sigmoid",
    reset_after=True,
    **_,
):
    """Outputs [states or last state, last h, (last c)]; gradients of x, first states and parameters."""
    settings = {"activation": activation, "recurrent_activation": recurrent_activation}
    batch, width, _channels = x.values.shape
    units, gru, lstm = len(recurrent_kernel), name == "gru" and reset_after, name == "lstm"
    before = name == "gru" and not reset_after
    b_in = np.zeros(kernel.shape[1]) if bias is None else bias[0] if gru else bias
    b_rec = bias[1] if gru and bias is not None else np.zeros(kernel.shape[1])
    out, last = np.zeros((batch, width, units)), np.zeros((2, batch, units))
    out_mask = None if x.mask is None else x.mask.copy()
    runs = []
    for b in range(batch):
        steps = [t for t in range(width) if x.mask is None or x.mask[b, t]]
        steps = steps[::-1] if reverse else steps
        h = states[0][b] if len(states) else np.zeros(units)
        c = states[1][b] if len(states) > 1 else np.zeros(units)
        run = []
        for t in steps:
            masked = h if state_mask is None else h * state_mask[b]
            sums, inner = x.values[b, t] @ kernel + b_in, None
            place = width - 1 - t if reverse and not keep_order else t
            if before:
                h, back = gru_step_reset_before(sums, masked, h, recurrent_kernel, settings)
                out[b, place] = h
                run.append((t, place, masked, back))
                continue
            product = masked @ recurrent_kernel + b_rec
            if gru:
                inner = product[2 * units :]
                sums[: 2 * units] += product[: 2 * units]
            else:
                sums = sums + product
            h, c, back = STEPS[name](sums, inner, h, c, settings)
            out[b, place] = h
            run.append((t, place, masked, back))
        last[:, b] = h, c
        runs.append(run)
    if out_mask is not None and reverse and not keep_order:
        out_mask = out_mask[:, ::-1]
    if out_mask is not None and not zero_output_for_mask and not (reverse and keep_order):
        for b, t in np.argwhere(~out_mask):  # a masked step repeats the output before it
            out[b, t] = out[b, t - 1] if t else 0

    def backward(d_outs):
        d_x, d_states = np.zeros(x.values.shape), np.zeros((2, batch, units))
        d_kernel, d_recurrent = np.zeros(kernel.shape), np.zeros(recurrent_kernel.shape)
        d_in, d_rec = np.zeros(kernel.shape[1]), np.zeros(kernel.shape[1])
        d_outs = [0 if d is None else d for d in d_outs]
        d_sequence = d_outs[0] + np.zeros(out.shape) if return_sequences else np.zeros(out.shape)
        d_last = np.zeros((2, batch, units))
        d_last[0] += 0 if return_sequences else d_outs[0]
        if return_state:
            d_last[0] += d_outs[1]
            d_last[1] += d_outs[2] if lstm else 0
        for b, run in enumerate(runs):
            d_h, d_c = d_last[0, b], d_last[1, b]
            for t, place, masked, back in reversed(run):
                if before:
                    d_a, d_h, d_weights, d_direct = back(d_h + d_sequence[b, place])
                    d_product = 0
                else:
                    d_a, d_inner, d_direct, d_c = back(d_h + d_sequence[b, place], d_c)
                    d_product = np.concatenate([d_a[: 2 * units], d_inner]) if gru else d_a
                    d_h, d_weights = d_product @ recurrent_kernel.T, np.outer(masked, d_product)
                d_h = (d_h if state_mask is None else d_h * state_mask[b]) + d_direct
                d_x[b, t] = d_a @ kernel.T
                d_kernel += np.outer(x.values[b, t], d_a)
                d_recurrent += d_weights
                d_in += d_a
                d_rec += d_product
            d_states[:, b] = d_h, d_c
        biases = [] if bias is None else [np.stack([d_in, d_rec])] if gru else [d_in]
        return (d_x, *d_states[: len(states)], d_kernel, d_recurrent, *biases)

    first = Sequence(out, out_mask) if return_sequences else last[0]
    outs = [first, last[0], last[1]] if lstm else [first, last[0]]
    return outs if return_state else outs[:1], backward
