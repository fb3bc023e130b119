/* SGD and Adam, each as the numbers that its kernel needs for one step. */
#include "optim/rule.h"

#include <math.h>

void ec_rule_init(struct ec_rule *rule, const struct ec_optimizer *optimizer, int64_t steps,
                  struct ec_gradient_scaling scaling)
{
    double lr = optimizer->learning_rate;
    float decay = (float)(lr * optimizer->weight_decay);
    rule->kind = optimizer->kind;
    if (optimizer->kind == EC_SGD) {
        rule->sgd = (struct ec_sgd_step){.rate = (float)lr,
                                         .momentum = (float)optimizer->momentum,
                                         .decay = decay,
                                         .nesterov = optimizer->nesterov,
                                         .scaling = scaling};
        return;
    }
    /* lr * sqrt(1 - beta_2^t) / (1 - beta_1^t): Adam's bias correction, folded into the rate */
    double t = (double)steps;
    double rate = lr * sqrt(1.0 - pow(optimizer->beta_2, t)) / (1.0 - pow(optimizer->beta_1, t));
    rule->adam = (struct ec_adam_step){.rate = (float)rate,
                                       .one_minus_beta1 = (float)(1.0 - optimizer->beta_1),
                                       .one_minus_beta2 = (float)(1.0 - optimizer->beta_2),
                                       .epsilon = (float)optimizer->epsilon,
                                       .decay = decay,
                                       .scaling = scaling};
}

void ec_rule_apply(const struct ec_rule *rule, struct ec_parameter *parameter, int64_t begin, const float *gradient,
                   int64_t n)
{
    float *value = parameter->value + begin;
    float *m = parameter->slots[0] ? parameter->slots[0] + begin : NULL;
    if (rule->kind == EC_SGD) {
        ec_kernels()->sgd(value, rule->sgd.momentum != 0.0f ? m : NULL, gradient, &rule->sgd, n);
    } else {
        ec_kernels()->adam(value, m, parameter->slots[1] + begin, gradient, &rule->adam, n);
    }
}
