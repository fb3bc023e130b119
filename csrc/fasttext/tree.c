/* Builds the tree of hierarchical softmax; see the header. Labels are sorted by their counts, so two queues do: labels
 * from the rarest on, and nodes in the order in which they were made. */
#include "fasttext/tree.h"

#include "base/memory.h"

static ec_status read_counts(int64_t *counts, const struct ec_fasttext_dictionary *dictionary, struct ec_report *report)
{
    int64_t sum = 0;
    for (int32_t label = 0; label < dictionary->label_count; label++) {
        int64_t count = ec_fasttext_entry_at(dictionary, dictionary->word_count + label).count;
        if (count < 0 || count >= EC_FASTTEXT_NO_COUNT - sum) {
            ec_refuse(report, "label %d of its dictionary has an impossible count: %lld", (int)label, (long long)count);
            return EC_BAD_FORMAT;
        }
        counts[label] = count;
        sum += count;
    }
    return EC_OK;
}

ec_status ec_fasttext_tree_of(struct ec_fasttext_node **tree, const int64_t *counts, int64_t labels)
{
    int64_t nodes = 2 * labels - 1;
    int64_t *sums = ec_alloc_array(nodes, sizeof *sums);
    *tree = ec_alloc_array(nodes, sizeof **tree);
    ec_status status = sums && *tree ? EC_OK : EC_NO_MEMORY;
    for (int64_t node = 0; !status && node < nodes; node++) {
        (*tree)[node] = (struct ec_fasttext_node){-1, -1};
        sums[node] = node < labels ? counts[node] : EC_FASTTEXT_NO_COUNT;
    }
    int64_t leaf = labels - 1, next = labels;
    for (int64_t node = labels; !status && node < nodes; node++) {
        int64_t least[2];
        for (int side = 0; side < 2; side++) {
            least[side] = leaf >= 0 && sums[leaf] < sums[next] ? leaf-- : next++;
        }
        (*tree)[node] = (struct ec_fasttext_node){(int32_t)least[0], (int32_t)least[1]};
        sums[node] = sums[least[0]] + sums[least[1]];
    }
    ec_free(sums);
    return status;
}

ec_status ec_fasttext_tree(struct ec_fasttext_node **tree, const struct ec_fasttext_dictionary *dictionary,
                           struct ec_report *report)
{
    int64_t *counts = ec_alloc_array(dictionary->label_count, sizeof *counts);
    *tree = NULL;
    ec_status status = counts ? read_counts(counts, dictionary, report) : EC_NO_MEMORY;
    status = status ? status : ec_fasttext_tree_of(tree, counts, dictionary->label_count);
    ec_free(counts);
    return status;
}
