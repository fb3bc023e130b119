/* embed: tokens -> sequence, the general path: every token's row written out.
 *
 *     out[i] = values[row[i]], zeros for a masked token          d_values[u] = sum over i with row[i] = u of d_out[i]
 */
#include "ops/op.h"

struct state {
    struct ec_occurrences occurrences;
};

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    ec_status status = ec_op_plan_like_input(op, step);
    if (status == EC_OK && in->needs_grad) {
        status = ec_occurrences_init(&state->occurrences, step->arena, in->token_rows, in->rows, in->lookup->learning);
    }
    return status;
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const int64_t block = 64;
    for (struct ec_range rows; ec_team_next_range(team, in->rows, block, &rows);) {
        ec_kernels()->gather_rows(out->data + rows.begin * out->cols, out->cols, in->lookup->values, in->lookup->stride,
                                  in->token_rows + rows.begin, rows.end - rows.begin, out->cols);
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const struct ec_lookup_rows *lookup = in->lookup;
    const int32_t *begin = state->occurrences.begin;
    for (int64_t u; (u = ec_team_next(team, lookup->learning)) >= 0;) {
        ec_kernels()->weighted_sum(lookup->d_values + u * lookup->stride, op->adds_input[0], out->grad, out->cols,
                                   state->occurrences.at + begin[u], NULL, begin[u + 1] - begin[u], out->cols);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_embed = {
    .name = "embed",
    .state_bytes = sizeof(struct state),
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_TOKENS, EC_STEPS, {1, 1}},
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
