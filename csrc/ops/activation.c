/* activation: y = f(x), value by value, for any tensor of floats.
 *
 *     d_x = d_y f'(x) */
#include "ops/op.h"

struct state {
    int activation;
};

/* In the order of enum ec_activation, NULL at the end. */
#define RISING                                                                                                         \
    "linear", "relu", "tanh", "sigmoid", "softplus", "softsign", "elu", "selu", "exponential", "leaky_relu", "relu6",  \
        "hard_sigmoid"
const char *const ec_rising_activation_names[] = {RISING, NULL};
static const char *const names[] = {RISING,        "silu",       "gelu",        "gelu_tanh",      "log_sigmoid",
                                    "mish",        "hard_silu",  "hard_tanh",   "tanh_shrink",    "soft_shrink",
                                    "hard_shrink", "squareplus", "sparse_plus", "sparse_sigmoid", NULL};
_Static_assert(sizeof names / sizeof *names == EC_ACTIVATIONS + 1, "a name for each activation");
static const struct ec_attribute attributes[] = {
    {"activation", EC_ATTRIBUTE_CHOICE, offsetof(struct state, activation), names},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

/* Tiles of some thousand values. */
static const int64_t block = 4096;

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    for (struct ec_range tile; ec_team_next_range(team, in->rows * in->cols, block, &tile);) {
        ec_kernels()->activate(out->data + tile.begin, in->data + tile.begin, (enum ec_activation)state->activation,
                               tile.end - tile.begin);
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    float d_x[256];
    const int64_t part = sizeof d_x / sizeof *d_x;
    for (struct ec_range tile; ec_team_next_range(team, in->rows * in->cols, block, &tile);) {
        for (int64_t i = tile.begin; i < tile.end; i += part) {
            int64_t n = ec_least(part, tile.end - i);
            float *target = op->adds_input[0] ? d_x : in->grad + i;
            ec_kernels()->activate_backward(target, out->grad + i, in->data + i, out->data + i,
                                            (enum ec_activation)state->activation, n);
            if (op->adds_input[0]) {
                ec_kernels()->add(in->grad + i, d_x, n);
            }
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_activation = {
    .name = "activation",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {0, EC_MAX_RANK}},
    .plan = ec_op_plan_like_input,
    .forward = forward,
    .backward = backward,
};
