/* The rule of one parameter's update in this step, and its application to a range of entries. */
#ifndef EC_OPTIM_RULE_H
#define EC_OPTIM_RULE_H

#include "kernels/kernels.h"
#include "optim/optimizer.h"

struct ec_rule {
    enum ec_optimizer_kind kind;
    int centered, amsgrad;
    union {
        struct ec_sgd_step sgd;
        struct ec_adam_step adam;
        struct ec_rmsprop_step rmsprop;
        struct ec_adagrad_step adagrad;
        struct ec_adadelta_step adadelta;
        struct ec_adamax_step adamax;
        struct ec_nadam_step nadam;
    };
};

/* `steps` counts this update: 1 for the first of the parameter. `decays`: weight decay applies to it. */
void ec_rule_init(struct ec_rule *rule, const struct ec_optimizer *optimizer, int64_t steps, int decays,
                  struct ec_gradient_scaling scaling);
/* Updates entries begin ... begin + n - 1 of the parameter, whose values stand at `value`, with n gradient values. */
void ec_rule_apply(const struct ec_rule *rule, struct ec_parameter *parameter, float *value, int64_t begin,
                   const float *gradient, int64_t n);

/* optimizer.c: asks memory for a row of a table that is soon updated: it is read in several arrays, each at another
 * place. */
void ec_ask_for_row(const struct ec_update *update, const struct ec_parameter *parameter, int64_t row);

/* stored.c: a table that is stored in fewer bits, the rows that the step touched or all of them; with averages and
 * constraint. `rule` NULL: a step without an update. Shared out among the team, no barrier. */
void ec_update_stored_rows(const struct ec_update *update, const struct ec_rule *rule,
                           const struct ec_update_item *item, struct ec_team *team);

/* averages.c: whether rows that a step does not touch owe moves of the average. */
int ec_average_owes_moves(const struct ec_update *update, const struct ec_parameter *parameter);
/* The moves that a row of a table has missed, since no step touched it: its numbers stood still at `value`. `now`: the
 * moves that it has come to afterwards. */
void ec_average_catch_up(const struct ec_update *update, struct ec_parameter *parameter, const float *value,
                         int64_t row, int64_t now);
/* In a step whose averages replace the values: of the rows that it did not touch, too. No barrier. */
void ec_average_overwrite_others(const struct ec_update *update, const struct ec_update_item *item,
                                 struct ec_team *team);
/* Of n entries from `begin` on, which have been updated and stand at `value`. */
void ec_average_move(const struct ec_update *update, struct ec_parameter *parameter, float *value, int64_t begin,
                     int64_t n);

/* constraint.c: keeps the parameter (of a lazily updated table the rows of `touched`, each by itself) inside its
 * constraint. Shared out among the team, no barrier. */
void ec_constrain(struct ec_parameter *parameter, const struct ec_gradient *touched, struct ec_team *team);
/* The numbers of one row of a table; none where there is no constraint. */
void ec_constrain_row(const struct ec_parameter_rules *rules, float *row, int64_t width);

#endif
