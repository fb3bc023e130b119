/* Steps down the tree; see the header. */
#include "fasttext/word_tree.h"

#include "base/ahead.h"
#include "base/range.h"
#include "kernels/kernels.h"

#include <math.h>

#define LEAVES 4 /* nodes of a way, from the leaf up, that are seldom in a cache */

int64_t ec_word_tree_longest(const struct ec_fasttext_objective *tree)
{
    int64_t longest = 0;
    for (int64_t word = 0; word < tree->labels; word++) {
        longest = ec_most(longest, tree->path_ends[word] - (word ? tree->path_ends[word - 1] : 0));
    }
    return longest;
}

static int64_t find_way(const struct ec_word_way *way, int32_t word, const int32_t **nodes)
{
    int64_t begin = word ? way->tree->path_ends[word - 1] : 0;
    *nodes = way->tree->paths + begin;
    return way->tree->path_ends[word] - begin;
}

static int32_t row_of(int32_t node) { return (node < 0 ? -node : node) - 1; }

void ec_word_tree_ask(const struct ec_word_way *way, int32_t word)
{
    const int32_t *nodes;
    int64_t count = find_way(way, word, &nodes);
    for (int64_t i = 0; i < ec_least(count, LEAVES); i++) {
        ec_ask_for_later(way->output + row_of(nodes[i]) * way->stride, way->stride);
    }
}

double ec_word_tree_step(float *d_hidden, const struct ec_word_way *way, const float *hidden, int32_t word, float rate,
                         int counts_loss)
{
    const struct ec_kernels *k = ec_kernels();
    const int32_t *nodes;
    int64_t count = find_way(way, word, &nodes);
    double loss = 0;
    for (int64_t i = 0; i < count; i++) {
        way->rows[i] = row_of(nodes[i]);
    }
    k->row_products(way->amounts, way->output, way->stride, way->rows, count, hidden, way->stride);
    k->activate(way->amounts, way->amounts, EC_SIGMOID, count);
    for (int64_t i = 0; i < count; i++) {
        int right = nodes[i] > 0;
        float share = way->amounts[i], of_wanted = right ? share : 1 - share;
        loss -= counts_loss ? log(of_wanted < 1e-5f ? 1e-5f : of_wanted) : 0;
        way->amounts[i] = rate * ((float)right - share);
    }
    k->weighted_sum(d_hidden, 0, way->output, way->stride, way->rows, way->amounts, count, way->stride);
    k->add_to_rows(way->output, way->stride, way->rows, way->amounts, count, hidden, way->stride, NULL, 0);
    return isfinite(k->sum_squares(way->amounts, count)) ? loss : NAN;
}
