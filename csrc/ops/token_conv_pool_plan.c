/* What token_conv_pool makes once, of its kernels, and for each batch: the tape of tokens, the product that the windows
 * add rows of, and room for the gradients. One thread; some nanoseconds a token. */
#include "ops/token_conv_pool.h"

static ec_status infer_branch(struct ec_op *op, struct ec_token_conv_branch *branch, struct ec_report *report)
{
    struct ec_token_conv_pool *state = op->state;
    const int64_t kernel_dims[] = {-1, op->inputs[0]->cols, -1};
    ec_status status = ec_infer_parameter_of_rank(op, branch->kernel_number, 3, kernel_dims, report);
    if (status != EC_OK) {
        return status;
    }
    branch->kernel = op->parameters[branch->kernel_number];
    if (branch->kernel->dims[0] > 4096) {
        return ec_refuse(report, "token_conv_pool: kernel %s is %lld wide; at most 4096", branch->kernel->name,
                         (long long)branch->kernel->dims[0]);
    }
    branch->taps = (int)branch->kernel->dims[0];
    branch->filters = branch->kernel->dims[2];
    branch->bias = NULL;
    if (branch->bias_number >= 0) {
        status = ec_infer_parameter_of_rank(op, branch->bias_number, 1, &branch->filters, report);
        branch->bias = op->parameters[branch->bias_number];
    }
    branch->lead = state->padding == EC_PADDING_SAME     ? (branch->taps - 1) / 2
                   : state->padding == EC_PADDING_CAUSAL ? branch->taps - 1
                                                         : 0;
    branch->out_col = state->filters;
    branch->products = state->products;
    state->filters += branch->filters;
    state->products += branch->filters * branch->taps;
    state->max_taps = branch->taps > state->max_taps ? branch->taps : state->max_taps;
    return status;
}

ec_status ec_token_conv_pool_infer(struct ec_op *op, struct ec_report *report)
{
    struct ec_token_conv_pool *state = op->state;
    int each = state->use_bias ? 2 : 1;
    if (op->parameter_count % each) {
        return ec_refuse(report, "token_conv_pool: expected a kernel%s for each branch",
                         each == 2 ? " and a bias" : "");
    }
    state->branch_count = op->parameter_count / each;
    state->branches = ec_alloc_zeros(state->branch_count, sizeof *state->branches);
    if (!state->branches) {
        return EC_NO_MEMORY;
    }
    ec_status status = EC_OK;
    for (int i = 0; status == EC_OK && i < state->branch_count; i++) {
        state->branches[i].kernel_number = each * i;
        state->branches[i].bias_number = state->use_bias ? each * i + 1 : -1;
        status = infer_branch(op, &state->branches[i], report);
    }
    if (status == EC_OK && state->products > INT32_MAX) {
        return ec_refuse(report, "token_conv_pool: %lld filters times taps; at most 2**31 - 1",
                         (long long)state->products);
    }
    ec_tensor_set_shape(op->outputs[0], EC_NO_STEPS, 1, &state->filters);
    return status;
}

void ec_token_conv_pool_clear(struct ec_op *op)
{
    struct ec_token_conv_pool *state = op->state;
    ec_free(state->branches);
}

/* Length of the run of equal rows that starts at `row` and goes on in direction `step`, at most `count`. */
static int64_t run_length(const int32_t *row, int64_t count, int step)
{
    int64_t length = 1;
    while (length < count && row[length * step] == row[0]) {
        length++;
    }
    return count ? length : 0;
}

/* Lays all texts out on the tape. */
static ec_status plan_tape(struct ec_op *op, struct ec_step *step)
{
    struct ec_token_conv_pool *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const struct ec_layout *layout = in->layout;
    const int64_t margin = state->max_taps - 1, keep = state->max_taps;
    const int32_t zeros = (int32_t)in->lookup->count;
    int64_t room = in->rows + (layout->batch + 1) * margin;
    if (room > INT32_MAX) {
        return EC_TOO_LARGE;
    }
    state->tape = ec_arena_take(step->arena, room, sizeof *state->tape);
    state->text_begin = ec_arena_take(step->arena, layout->batch, sizeof *state->text_begin);
    state->text_count = ec_arena_take(step->arena, layout->batch, sizeof *state->text_count);
    if (step->arena->failed) {
        return EC_NO_MEMORY;
    }
    int32_t *next = state->tape;
    for (int64_t i = 0; i < margin; i++) {
        *next++ = zeros;
    }
    for (int64_t b = 0; b < layout->batch; b++) {
        const int32_t *text = in->token_rows + layout->offsets[b];
        int64_t count = layout->offsets[b + 1] - layout->offsets[b];
        int64_t lead = run_length(text, count, 1), cut_front = lead > keep ? lead - keep : 0;
        text += cut_front;
        count -= cut_front;
        int64_t trail = count ? run_length(text + count - 1, count, -1) : 0;
        count -= trail > keep ? trail - keep : 0;
        state->text_begin[b] = next - state->tape;
        state->text_count[b] = (int32_t)count;
        for (int64_t i = 0; i < count; i++) {
            *next++ = text[i] < 0 ? zeros : text[i];
        }
        for (int64_t i = 0; i < margin; i++) {
            *next++ = zeros;
        }
    }
    state->tape_length = next - state->tape;
    return EC_OK;
}

static ec_status plan_backward(struct ec_op *op, struct ec_step *step)
{
    struct ec_token_conv_pool *state = op->state;
    const struct ec_lookup_rows *lookup = op->inputs[0]->lookup;
    struct ec_arena *arena = step->arena;
    int64_t B = ec_tensor_texts(op->inputs[0]);
    state->g = ec_arena_take(arena, B * state->filters, sizeof(float));
    state->winner_place = ec_arena_take(arena, B * state->filters, sizeof(int32_t));
    state->winner_g = ec_arena_take(arena, B * state->filters, sizeof(float));
    state->winner_count = ec_arena_take(arena, state->filters, sizeof(int32_t));
    state->thread_rows = ec_arena_take(arena, step->threads * EC_TOKEN_CONV_GROUP * lookup->stride, sizeof(float));
    state->thread_index = ec_arena_take(arena, step->threads * B, sizeof(int32_t));
    if (op->inputs[0]->needs_grad) {
        state->weights_by_filter = ec_arena_take(arena, state->products * lookup->stride, sizeof(float));
        state->entry_g = ec_arena_take(arena, B * state->products, sizeof(float));
        state->entry_weight = ec_arena_take(arena, B * state->products, sizeof(int32_t));
        state->place_end = ec_arena_take(arena, state->tape_length, sizeof(int64_t));
        state->place_count = ec_arena_take(arena, state->tape_length, sizeof(int32_t));
        return ec_occurrences_init(&state->occurrences, arena, state->tape, state->tape_length, lookup->learning);
    }
    return arena->failed ? EC_NO_MEMORY : EC_OK;
}

/* Many tokens: the kernels are copied side by side, and one product packs what it needs. */
static void plan_product(struct ec_token_conv_pool *state, const struct ec_lookup_rows *lookup, struct ec_step *step)
{
    int64_t products = state->products;
    state->parts = NULL;
    state->weights = ec_arena_take(step->arena, lookup->width * products, sizeof(float));
    struct ec_matrix e = ec_matrix(lookup->values, lookup->count, lookup->width, lookup->stride);
    struct ec_matrix w = ec_matrix(state->weights, lookup->width, products, products);
    state->product = ec_product_plan(step, state->product_values, products, e, w);
}

/* A text or two: the kernels are read where they are. */
static void plan_parts(struct ec_token_conv_pool *state, const struct ec_lookup_rows *lookup, struct ec_step *step)
{
    state->part_count = 0;
    for (int i = 0; i < state->branch_count; i++) {
        state->part_count += state->branches[i].taps;
    }
    state->parts = ec_arena_take(step->arena, state->part_count, sizeof *state->parts);
    struct ec_few_rows_part *part = state->parts;
    for (int i = 0; part && i < state->branch_count; i++) {
        const struct ec_token_conv_branch *branch = &state->branches[i];
        for (int j = 0; j < branch->taps; j++) {
            *part++ = (struct ec_few_rows_part){.b = branch->kernel->value + j * lookup->width * branch->filters,
                                                .b_stride = branch->filters,
                                                .cols = branch->filters,
                                                .out_col = branch->products + j * branch->filters};
        }
    }
    step->work += 2.0 * (double)(lookup->count * lookup->width) * (double)state->products;
}

ec_status ec_token_conv_pool_plan(struct ec_op *op, struct ec_step *step)
{
    struct ec_token_conv_pool *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int64_t texts = ec_tensor_texts(in);
    const struct ec_lookup_rows *lookup = in->lookup;
    struct ec_tensor *out = op->outputs[0];
    if (state->padding == EC_PADDING_VALID && !in->layout->masked && in->layout->width < state->max_taps) {
        return ec_refuse(&step->report,
                         "the texts are %lld tokens long; a kernel of width %d with padding='valid' needs at least %d",
                         (long long)in->layout->width, state->max_taps, state->max_taps);
    }
    out->rows = texts;
    ec_status status = ec_op_plan_gradients(op, step);
    if (status != EC_OK || (status = ec_tensor_take(out, step)) != EC_OK || (status = plan_tape(op, step)) != EC_OK) {
        return status;
    }
    int64_t products = state->products;
    state->product_values = ec_arena_take(step->arena, (lookup->count + 1) * products, sizeof(float));
    state->best_at = ec_arena_take(step->arena, texts * state->filters, sizeof(int32_t));
    if (lookup->count <= EC_FEW_ROWS) {
        plan_parts(state, lookup, step);
    } else {
        plan_product(state, lookup, step);
    }
    if (step->arena->failed) {
        return EC_NO_MEMORY;
    }
    if (!out->needs_grad) {
        return EC_OK;
    }
    /* The kernel's gradient is a sum of winners' rows, theirs one of kernels. */
    step->back_work += (in->needs_grad ? 4.0 : 2.0) * (double)(texts * state->products * lookup->width);
    return plan_backward(op, step);
}
