/* Each optimizer as the numbers that its kernel needs for one step: powers and products of the settings, in double. */
#include "optim/rule.h"

#include <math.h>

static struct ec_sgd_step sgd_step(const struct ec_optimizer *optimizer, float decay,
                                   struct ec_gradient_scaling scaling)
{
    return (struct ec_sgd_step){.rate = (float)optimizer->learning_rate,
                                .momentum = (float)optimizer->momentum,
                                .decay = decay,
                                .nesterov = optimizer->nesterov,
                                .scaling = scaling};
}

static struct ec_adam_step adam_step(const struct ec_optimizer *optimizer, double t, float decay,
                                     struct ec_gradient_scaling scaling)
{
    /* lr * sqrt(1 - beta_2^t) / (1 - beta_1^t): the bias correction, folded into the rate */
    double correction = sqrt(1.0 - pow(optimizer->beta_2, t)) / (1.0 - pow(optimizer->beta_1, t));
    return (struct ec_adam_step){.rate = (float)(optimizer->learning_rate * correction),
                                 .one_minus_beta1 = (float)(1.0 - optimizer->beta_1),
                                 .one_minus_beta2 = (float)(1.0 - optimizer->beta_2),
                                 .epsilon = (float)optimizer->epsilon,
                                 .decay = decay,
                                 .scaling = scaling};
}

static struct ec_rmsprop_step rmsprop_step(const struct ec_optimizer *optimizer, float decay,
                                           struct ec_gradient_scaling scaling)
{
    return (struct ec_rmsprop_step){.rate = (float)optimizer->learning_rate,
                                    .rho = (float)optimizer->rho,
                                    .momentum = (float)optimizer->momentum,
                                    .epsilon = (float)optimizer->epsilon,
                                    .decay = decay,
                                    .scaling = scaling};
}

static struct ec_adamax_step adamax_step(const struct ec_optimizer *optimizer, double t, float decay,
                                         struct ec_gradient_scaling scaling)
{
    return (struct ec_adamax_step){.rate = (float)(optimizer->learning_rate / (1.0 - pow(optimizer->beta_1, t))),
                                   .one_minus_beta1 = (float)(1.0 - optimizer->beta_1),
                                   .beta2 = (float)optimizer->beta_2,
                                   .epsilon = (float)optimizer->epsilon,
                                   .decay = decay,
                                   .scaling = scaling};
}

/* Nadam's momentum schedule: u_i = beta_1 (1 - 0.96^i / 2). The product u_1 ... u_t; its factors are beta_1 to within a
 * rounding error once 0.96^i has died away. */
static double nadam_product(double beta_1, int64_t t)
{
    double product = pow(beta_1, (double)t), power = 1.0;
    for (int64_t i = 1; i <= t && i <= 1000; i++) {
        power *= 0.96;
        product *= 1.0 - 0.5 * power;
    }
    return product;
}

static struct ec_nadam_step nadam_step(const struct ec_optimizer *optimizer, int64_t steps, float decay,
                                       struct ec_gradient_scaling scaling)
{
    double t = (double)steps, beta_1 = optimizer->beta_1;
    double now = beta_1 * (1.0 - 0.5 * pow(0.96, t)), next = beta_1 * (1.0 - 0.5 * pow(0.96, t + 1.0));
    double product = nadam_product(beta_1, steps);
    return (struct ec_nadam_step){.rate_m = (float)(optimizer->learning_rate * next / (1.0 - product * next)),
                                  .rate_g = (float)(optimizer->learning_rate * (1.0 - now) / (1.0 - product)),
                                  .correction = (float)(1.0 / (1.0 - pow(optimizer->beta_2, t))),
                                  .one_minus_beta1 = (float)(1.0 - beta_1),
                                  .one_minus_beta2 = (float)(1.0 - optimizer->beta_2),
                                  .epsilon = (float)optimizer->epsilon,
                                  .decay = decay,
                                  .scaling = scaling};
}

void ec_rule_init(struct ec_rule *rule, const struct ec_optimizer *optimizer, int64_t steps, int decays,
                  struct ec_gradient_scaling scaling)
{
    float rate = (float)optimizer->learning_rate, epsilon = (float)optimizer->epsilon;
    float decay = decays ? (float)(optimizer->learning_rate * optimizer->weight_decay) : 0.0f;
    rule->kind = optimizer->kind;
    rule->centered = optimizer->centered;
    rule->amsgrad = optimizer->amsgrad;
    switch (optimizer->kind) {
    case EC_SGD: rule->sgd = sgd_step(optimizer, decay, scaling); break;
    case EC_ADAM: rule->adam = adam_step(optimizer, (double)steps, decay, scaling); break;
    case EC_RMSPROP: rule->rmsprop = rmsprop_step(optimizer, decay, scaling); break;
    case EC_ADAGRAD:
        rule->adagrad = (struct ec_adagrad_step){.rate = rate, .epsilon = epsilon, .decay = decay, .scaling = scaling};
        break;
    case EC_ADADELTA:
        rule->adadelta = (struct ec_adadelta_step){
            .rate = rate, .rho = (float)optimizer->rho, .epsilon = epsilon, .decay = decay, .scaling = scaling};
        break;
    case EC_ADAMAX: rule->adamax = adamax_step(optimizer, (double)steps, decay, scaling); break;
    case EC_NADAM: rule->nadam = nadam_step(optimizer, steps, decay, scaling); break;
    }
}

void ec_rule_apply(const struct ec_rule *rule, struct ec_parameter *parameter, float *value, int64_t begin,
                   const float *gradient, int64_t n)
{
    const struct ec_kernels *kernels = ec_kernels();
    float *slot[EC_MAX_SLOTS];
    for (int i = 0; i < EC_MAX_SLOTS; i++) {
        slot[i] = i < parameter->slot_count ? parameter->slots[i] + begin : NULL;
    }
    switch (rule->kind) {
    case EC_SGD: kernels->sgd(value, rule->sgd.momentum != 0.0f ? slot[0] : NULL, gradient, &rule->sgd, n); break;
    case EC_ADAM:
        if (rule->amsgrad) {
            kernels->amsgrad(value, slot[0], slot[1], slot[2], gradient, &rule->adam, n);
        } else {
            kernels->adam(value, slot[0], slot[1], gradient, &rule->adam, n);
        }
        break;
    case EC_RMSPROP: {
        int moves = rule->rmsprop.momentum != 0.0f;
        kernels->rmsprop(value, slot[0], moves ? slot[1] : NULL, rule->centered ? slot[1 + moves] : NULL, gradient,
                         &rule->rmsprop, n);
        break;
    }
    case EC_ADAGRAD: kernels->adagrad(value, slot[0], gradient, &rule->adagrad, n); break;
    case EC_ADADELTA: kernels->adadelta(value, slot[0], slot[1], gradient, &rule->adadelta, n); break;
    case EC_ADAMAX: kernels->adamax(value, slot[0], slot[1], gradient, &rule->adamax, n); break;
    case EC_NADAM: kernels->nadam(value, slot[0], slot[1], gradient, &rule->nadam, n); break;
    }
}
