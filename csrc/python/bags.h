/* What the files bags*.c of this folder share. */
#ifndef EC_PYTHON_BAGS_H
#define EC_PYTHON_BAGS_H

#include "python/text.h"

#include "bags/bags.h"
#include "bags/features.h"

/* embedcnn._core.BagFeatures: immutable, so it may be used by several threads at once. */
struct ec_python_bag_features {
    PyObject_HEAD struct ec_bag_features features;
    struct ec_python_rules *rules; /* owned */
};

extern PyTypeObject ec_python_bag_features_type;

/* Settings from Python's arguments: the pairs `words` and `chars`, (0, 0) for none; 0, or -1 with an exception. */
int ec_python_bag_settings(struct ec_bag_settings *settings, const struct ec_python_rules *rules, const int words[2],
                           const int chars[2], int drops_breaks);
/* The arrays (offsets int64, ids int32, counts float32) of bags, which are cleared; NULL with an exception. */
PyObject *ec_python_take_bags(struct ec_bags *bags);

int ec_python_add_bag_census(PyObject *module);
int ec_python_add_bag_scores(PyObject *module);

#endif
