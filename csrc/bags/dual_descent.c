/* Dual coordinate descent: see dual_descent.h. A problem keeps a row of two floats a feature, the folded weight v =
 * scale * w and scale^2: with x = tf * scale / norm, a margin is sum(tf v) / norm, and w += g x is v += g tf scale^2 /
 * norm. So values are never stored, whatever the weighting, and one gather fetches all that a document needs. Most time
 * is spent in `first_margin`, `margin` and `move`, on cache misses: rows are asked for AHEAD pairs early. */
#include "bags/dual_descent.h"

#include "bags/dual_steps.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"

#include <math.h>
#include <stdatomic.h>
#include <stddef.h>

#define AHEAD 16
#define PAIRS_AHEAD 192 /* of the next document; behind them the processor has seen what is going on */
#define PAIRS_PER_LINE 16
#define LANES 4                /* sums side by side, so that an addition need not wait for the one before */
#define PAIRS_PER_POLL 2000000 /* some 10 ms */

struct row {
    float folded, square;
};

struct descent {
    const struct ec_dual_problem *problem;
    struct row *rows; /* of features.begin and on */
    float *inverse;   /* [documents] 1 / norm, once a document was visited */
    /* [documents][2 sides]: of the class, of the rest; logistic loss: [..][2] alpha and cost - alpha, which would lose
     * its digits if it were subtracted. */
    double *alpha;
    int32_t *order; /* the documents that are trained on, the first `active` of them in this epoch */
    int64_t trained, active;
    double bias;
    struct ec_dual_progress progress;
};

/* How the problems of a call are solved together. */
struct session {
    struct ec_dual_problem *problems;
    int64_t count;
    const struct ec_bag_poll *poll;
    _Atomic int stopped;
};

static inline struct row *row_at(const struct descent *descent, int32_t id)
{
    return descent->rows + (id - descent->problem->features.begin);
}

static inline float base_of(const struct ec_dual_problem *problem, int64_t id)
{
    return problem->base[id * problem->base_stride];
}

static inline void fetch(const struct descent *descent, const struct ec_bag_slice *slice, int64_t i)
{
    if (i < slice->count) {
        __builtin_prefetch(row_at(descent, slice->ids[i]), 1);
    }
}

static inline double document_margin(const struct descent *descent, double sum, double inverse)
{
    return sum * inverse + descent->bias * descent->problem->intercept;
}

/* w.x + b of a document whose norm is known. */
static double margin(const struct descent *descent, const struct ec_bag_slice *slice, double inverse)
{
    float sums[LANES] = {0};
    int64_t i = 0, ahead = slice->count - AHEAD - LANES;
    for (int64_t k = 0; k < ec_least(AHEAD, slice->count); k++) {
        __builtin_prefetch(row_at(descent, slice->ids[k]), 1);
    }
    for (; i + LANES <= slice->count; i += LANES) {
        for (int lane = 0; i <= ahead && lane < LANES; lane++) {
            __builtin_prefetch(row_at(descent, slice->ids[i + lane + AHEAD]), 1);
        }
        for (int lane = 0; lane < LANES; lane++) {
            sums[lane] += slice->tf[i + lane] * row_at(descent, slice->ids[i + lane])->folded;
        }
    }
    for (; i < slice->count; i++) {
        sums[0] += slice->tf[i] * row_at(descent, slice->ids[i])->folded;
    }
    return document_margin(descent, (sums[0] + sums[1]) + (sums[2] + sums[3]), inverse);
}

/* The same of one that is seen for the first time; sets 1 / norm, and x.x in *length. */
static double first_margin(const struct descent *descent, const struct ec_bag_slice *slice, float *inverse,
                           double *length)
{
    double squares = 0;
    float sums[LANES] = {0};
    for (int64_t i = 0; i < slice->count; i++) {
        const struct row *row = row_at(descent, slice->ids[i]);
        float tf = slice->tf[i];
        fetch(descent, slice, i + AHEAD);
        sums[i % LANES] += tf * row->folded;
        squares += (double)tf * tf * row->square;
    }
    int normed = descent->problem->norm;
    *inverse = !normed ? 1 : squares > 0 ? (float)(1 / sqrt(squares)) : 0;
    *length = normed ? squares > 0 : squares;
    return document_margin(descent, (sums[0] + sums[1]) + (sums[2] + sums[3]), *inverse);
}

static double length_of(const struct descent *descent, const struct ec_bag_slice *slice)
{
    double squares = 0;
    for (int64_t i = 0; i < slice->count; i++) {
        squares += (double)slice->tf[i] * slice->tf[i] * row_at(descent, slice->ids[i])->square;
    }
    return squares;
}

/* w += amount * x. */
static void move(struct descent *descent, const struct ec_bag_slice *slice, double amount, double inverse)
{
    float step = (float)(amount * inverse);
    for (int64_t i = 0; i < slice->count; i++) {
        struct row *row = row_at(descent, slice->ids[i]);
        row->folded += step * slice->tf[i] * row->square;
    }
    descent->bias += amount * descent->problem->intercept;
}

/* One document, both sides. 1 where it stays, 0 where nothing is to be done to it for now. */
static int visit(struct descent *descent, int32_t document, int first)
{
    const struct ec_dual_problem *problem = descent->problem;
    struct ec_bag_slice slice = ec_bag_document(problem->pairs, document, problem->features);
    double length, at, change = 0;
    if (first) {
        at = first_margin(descent, &slice, &descent->inverse[document], &length);
    } else {
        at = margin(descent, &slice, descent->inverse[document]);
        length = problem->norm ? descent->inverse[document] > 0 : length_of(descent, &slice);
    }
    length += problem->intercept * problem->intercept;
    double amount = problem->importance ? problem->importance[document] : 1;
    double target = ec_bag_target(&problem->targets, document, problem->column);
    int logistic = problem->loss == EC_DUAL_LOGISTIC, idle = 1;
    double costs[2] = {problem->cost * amount * problem->positive * target,
                       problem->cost * amount * problem->negative * (1 - target)};
    double *alpha = descent->alpha + (int64_t)document * (logistic ? 4 : 2);
    for (int side = 0; side < 2; side++) {
        if (costs[side] > 0) {
            double sign = side ? -1 : 1;
            double moved =
                logistic ? ec_logistic_step(&descent->progress, alpha + side * 2, costs[side], sign, at, length, &idle)
                         : ec_hinge_step(&descent->progress, alpha + side, costs[side], sign, at, length, &idle);
            at += moved * length;
            change += moved;
        }
    }
    if (change != 0) {
        move(descent, &slice, change, descent->inverse[document]);
    }
    return !idle;
}

static void shuffle(int32_t *order, int64_t count, uint64_t key)
{
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j = (int64_t)(ec_random_key(key, (uint64_t)i) % (uint64_t)(i + 1));
        int32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

static void fetch_document(const struct descent *descent, int64_t place)
{
    if (place < descent->active) {
        const struct ec_bag_pairs *pairs = descent->problem->pairs;
        int64_t begin = pairs->offsets[descent->order[place]], end = pairs->offsets[descent->order[place] + 1];
        for (int64_t i = begin; i < ec_least(end, begin + PAIRS_AHEAD); i += PAIRS_PER_LINE) {
            __builtin_prefetch(pairs->ids + i);
            __builtin_prefetch(pairs->tf + i);
        }
    }
}

/* EC_OK, or EC_INTERRUPTED. */
static ec_status poll_for_stop(struct session *session, const struct ec_team *team)
{
    const struct ec_bag_poll *poll = session->poll;
    if (team->index == 0 && poll && poll->interrupted(poll->argument)) {
        atomic_store_explicit(&session->stopped, 1, memory_order_relaxed);
    }
    return atomic_load_explicit(&session->stopped, memory_order_relaxed) ? EC_INTERRUPTED : EC_OK;
}

static ec_status run_epoch(struct descent *descent, int first, struct session *session, const struct ec_team *team)
{
    int64_t pairs = PAIRS_PER_POLL;
    const int64_t *offsets = descent->problem->pairs->offsets;
    for (int64_t place = 0; place < descent->active;) {
        int32_t document = descent->order[place];
        fetch_document(descent, place + 1);
        pairs += offsets[document + 1] - offsets[document];
        if (pairs >= PAIRS_PER_POLL) {
            pairs = 0;
            if (poll_for_stop(session, team) != EC_OK) {
                return EC_INTERRUPTED;
            }
        }
        if (visit(descent, document, first)) {
            place++;
        } else {
            descent->order[place] = descent->order[--descent->active];
            descent->order[descent->active] = document;
        }
    }
    return EC_OK;
}

static ec_status train(struct descent *descent, struct session *session, const struct ec_team *team)
{
    struct ec_dual_problem *problem = (struct ec_dual_problem *)descent->problem;
    int logistic = problem->loss == EC_DUAL_LOGISTIC;
    ec_status status = EC_OK;
    descent->active = descent->trained;
    descent->progress.last_highest = INFINITY;
    descent->progress.inner_tolerance = 0.01;
    double least_inner = fmin(1e-8, problem->tolerance);
    for (int64_t epoch = 0; status == EC_OK && epoch < problem->max_epochs; epoch++) {
        shuffle(descent->order, descent->active, ec_random_key(problem->key, (uint64_t)epoch));
        descent->progress.highest = logistic ? 0 : -INFINITY;
        descent->progress.lowest = logistic ? 0 : INFINITY;
        descent->progress.newton_steps = 0;
        status = run_epoch(descent, epoch == 0, session, team);
        problem->epochs = epoch + 1;
        problem->violation = descent->trained ? descent->progress.highest - descent->progress.lowest : 0;
        if (!(problem->violation > problem->tolerance)) {
            if (descent->active == descent->trained) {
                break;
            }
            descent->active = descent->trained; /* look once more at those that were put aside */
            descent->progress.last_highest = INFINITY;
            continue;
        }
        descent->progress.last_highest = descent->progress.highest > 0 ? descent->progress.highest : INFINITY;
        if (descent->progress.newton_steps <= descent->trained / 10) {
            descent->progress.inner_tolerance = fmax(least_inner, 0.1 * descent->progress.inner_tolerance);
        }
    }
    return status;
}

static int is_trained_on(const struct ec_dual_problem *problem, int64_t document)
{
    return !problem->folds || problem->folds[document] != problem->held_out;
}

/* scale = base * (|r| + damping), r = log of (documents of the class that have the feature + 1) / (the sum of that over
 * all features), less the same of the rest (Wang and Manning 2012, damped). r's sign is left out: the solution for w
 * would change its sign with it. */
static void weigh_by_ratios(struct descent *descent)
{
    const struct ec_dual_problem *problem = descent->problem;
    struct ec_range features = problem->features;
    double sums[2] = {0};
    for (int64_t document = 0; document < problem->pairs->documents; document++) {
        if (is_trained_on(problem, document)) {
            struct ec_bag_slice slice = ec_bag_document(problem->pairs, document, features);
            float amount = problem->importance ? problem->importance[document] : 1;
            float of_class = amount * ec_bag_target(&problem->targets, document, problem->column);
            float of_rest = amount - of_class;
            for (int64_t i = 0; i < slice.count; i++) {
                struct row *row = row_at(descent, slice.ids[i]);
                fetch(descent, &slice, i + AHEAD);
                row->folded += of_class;
                row->square += of_rest;
            }
        }
    }
    for (int64_t id = features.begin; id < features.end; id++) {
        if (base_of(problem, id) > 0) {
            sums[0] += (double)row_at(descent, (int32_t)id)->folded + 1;
            sums[1] += (double)row_at(descent, (int32_t)id)->square + 1;
        }
    }
    double prior = sums[0] > 0 ? log(sums[0] / sums[1]) : 0;
    for (int64_t id = features.begin; id < features.end; id++) {
        struct row *row = row_at(descent, (int32_t)id);
        float ratio = logf((row->folded + 1) / (row->square + 1)) - (float)prior;
        float scale = base_of(problem, id) * (fabsf(ratio) + (float)problem->damping);
        *row = (struct row){0, scale * scale};
    }
}

static void prepare_rows(struct descent *descent)
{
    const struct ec_dual_problem *problem = descent->problem;
    if (problem->damping >= 0) {
        weigh_by_ratios(descent);
    } else {
        for (int64_t id = problem->features.begin; id < problem->features.end; id++) {
            row_at(descent, (int32_t)id)->square = base_of(problem, id) * base_of(problem, id);
        }
    }
    if (problem->centre_weights) {
        for (int64_t id = problem->features.begin; id < problem->features.end; id++) {
            struct row *row = row_at(descent, (int32_t)id);
            row->folded = sqrtf(row->square) * problem->centre_weights[id * problem->targets.columns];
        }
        descent->bias = problem->intercept != 0 ? *problem->centre_bias / problem->intercept : 0;
    }
}

static void write_results(struct descent *descent)
{
    const struct ec_dual_problem *problem = descent->problem;
    for (int64_t id = problem->features.begin; problem->weights && id < problem->features.end; id++) {
        const struct row *row = row_at(descent, (int32_t)id);
        float scale = sqrtf(row->square);
        problem->weights[id * problem->targets.columns] = scale > 0 ? row->folded / scale : 0;
        if (problem->scale) {
            problem->scale[id * problem->targets.columns] = scale;
        }
    }
    if (problem->bias) {
        *problem->bias = (float)(descent->bias * problem->intercept);
    }
    for (int64_t document = 0; problem->margins && document < problem->pairs->documents; document++) {
        if (!is_trained_on(problem, document)) {
            struct ec_bag_slice slice = ec_bag_document(problem->pairs, document, problem->features);
            float inverse;
            double length;
            problem->margins[document * problem->targets.columns] =
                (float)first_margin(descent, &slice, &inverse, &length);
        }
    }
}

static ec_status solve(struct ec_dual_problem *problem, struct session *session, const struct ec_team *team)
{
    int64_t documents = problem->pairs->documents;
    int numbers = problem->loss == EC_DUAL_LOGISTIC ? 4 : 2;
    struct descent descent = {.problem = problem};
    descent.rows = ec_alloc_scattered(problem->features.end - problem->features.begin, sizeof *descent.rows);
    descent.inverse = ec_alloc_zeros(documents, sizeof *descent.inverse);
    descent.alpha = ec_alloc_zeros(documents * numbers, sizeof *descent.alpha);
    descent.order = ec_alloc_array(documents, sizeof *descent.order);
    ec_status status = EC_NO_MEMORY;
    if (descent.rows && descent.inverse && descent.alpha && descent.order) {
        for (int64_t i = 0; i < problem->features.end - problem->features.begin; i++) {
            descent.rows[i] = (struct row){0, 0};
        }
        prepare_rows(&descent);
        for (int64_t document = 0; document < documents; document++) {
            if (is_trained_on(problem, document) && (!problem->importance || problem->importance[document] > 0)) {
                descent.order[descent.trained++] = (int32_t)document;
            }
        }
        status = train(&descent, session, team);
    }
    if (status == EC_OK) {
        write_results(&descent);
    }
    ec_free(descent.rows);
    ec_free(descent.inverse);
    ec_free(descent.alpha);
    ec_free(descent.order);
    return status;
}

static void solve_all(struct ec_team *team, void *argument)
{
    struct session *session = argument;
    for (int64_t number; (number = ec_team_next(team, session->count)) >= 0;) {
        session->problems[number].status = solve(&session->problems[number], session, team);
    }
}

ec_status ec_dual_descent(struct ec_dual_problem *problems, int64_t count, int threads, const struct ec_bag_poll *poll)
{
    struct session session = {.problems = problems, .count = count, .poll = poll};
    ec_parallel((int)ec_least(threads, count), solve_all, &session);
    for (int64_t i = 0; i < count; i++) {
        if (problems[i].status != EC_OK) {
            return problems[i].status;
        }
    }
    return EC_OK;
}
