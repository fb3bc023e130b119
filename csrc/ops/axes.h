/* Chosen axes of a tensor, for operations that work along others than the last: softmax over the steps of a text, layer
 * normalisation over steps and channels together. The values that differ in these axes only are a lane, each value has
 * a place in its lane: x[b, t, c] along the steps is at place t of lane (b, c). The last axis alone, which all layers
 * use by default, needs none of this: there a lane is a vector, and the operations have loops of their own for it. */
#ifndef EC_OPS_AXES_H
#define EC_OPS_AXES_H

#include "ops/op.h"

struct ec_axes {
    int chosen;      /* bit k: axis k of the padded form [B, T, dims ...] or [B, dims ...]; 0: the last one alone */
    int along_steps; /* of infer: the steps of the texts are among them */

    /* of the step */
    int64_t inside_count, outside_count;
    int64_t *inside;  /* [inside_count] where in a row the values of a lane stand, from its first on */
    int64_t *outside; /* [outside_count] where in a row the lanes begin */
};

/* Checks that input 0 has these axes. */
ec_status ec_axes_infer(struct ec_axes *axes, const struct ec_op *op, struct ec_report *report);
/* `infer` and attributes of an operation that has this one attribute, whose state begins with the axes. */
ec_status ec_axes_infer_alone(struct ec_op *op, struct ec_report *report);
extern const struct ec_attribute ec_axes_attributes[];
/* Sizes of the axes, in their order: the shape of a weight for each place. Returns how many; a size of steps that is
 * not known is EC_ANY_STEPS. */
int ec_axes_sizes(const struct ec_axes *axes, const struct ec_tensor *tensor, int64_t sizes[1 + EC_MAX_RANK]);
/* Refuses sequences of another length than the one that weights were made for. */
ec_status ec_axes_plan(struct ec_axes *axes, const struct ec_op *op, struct ec_step *step);

/* Of the step. */
static inline int64_t ec_axes_lanes(const struct ec_axes *axes, const struct ec_tensor *tensor)
{
    return axes->outside_count * (axes->along_steps ? ec_tensor_texts(tensor) : tensor->rows);
}
/* Places of a lane; along the steps those of the longest text. */
static inline int64_t ec_axes_places(const struct ec_axes *axes, const struct ec_tensor *tensor)
{
    return axes->inside_count * (axes->along_steps ? tensor->layout->width : 1);
}
/* Where in the tensor's values a place of a lane stands; -1 where it is not stored, as it is masked. */
static inline int64_t ec_axes_at(const struct ec_axes *axes, const struct ec_tensor *tensor, int64_t lane,
                                 int64_t place)
{
    int64_t row = lane / axes->outside_count, inside = place;
    if (axes->along_steps) {
        const struct ec_layout *layout = tensor->layout;
        int64_t text = row, t = place / axes->inside_count - layout->starts[text];
        inside = place % axes->inside_count;
        row = layout->offsets[text] + t;
        if (t < 0 || row >= layout->offsets[text + 1]) {
            return -1;
        }
    }
    return row * tensor->cols + axes->outside[lane % axes->outside_count] + axes->inside[inside];
}
/* Whether what stands there is unmasked. */
static inline int ec_axes_counts(const struct ec_tensor *tensor, int64_t at)
{
    return !tensor->layout || ec_layout_counts(tensor->layout, at / tensor->cols);
}

#endif
