/* adam, amsgrad and sgd. */
#include "check.h"

static double scaled(float gradient, const struct ec_gradient_scaling *scaling)
{
    return fmax(-(double)scaling->limit, fmin((double)scaling->limit, (double)scaling->scale * (double)gradient));
}

/* largest: with amsgrad. */
static void check_adam(int64_t n, const struct ec_adam_step *s, int largest)
{
    static float old_value[1024], old_m[1024], old_v[1024], old_most[1024];
    float *value = slot_array(0, n), *m = slot_array(1, n), *v = slot_array(2, n), *gradient = slot_array(3, n);
    float *most = slot_array(4, n);
    fill_random(value, n, 1.0f, 1);
    fill_random(m, n, 0.1f, 2);
    fill_random(v, n, 0.01f, 3);
    fill_random(most, n, 0.01f, 5);
    fill_random(gradient, n, 1.0f, 4);
    for (int64_t i = 0; i < n; i++) {
        v[i] = fabsf(v[i]);
        old_most[i] = most[i] = fabsf(most[i]);
        old_value[i] = value[i], old_m[i] = m[i], old_v[i] = v[i];
    }
    if (largest) {
        kernels->amsgrad(value, m, v, most, gradient, s, n);
    } else {
        kernels->adam(value, m, v, gradient, s, n);
    }
    for (int64_t i = 0; i < n; i++) {
        double g = scaled(gradient[i], &s->scaling);
        double mean = (double)old_m[i] + (g - (double)old_m[i]) * (double)s->one_minus_beta1;
        double square = (double)old_v[i] + (g * g - (double)old_v[i]) * (double)s->one_minus_beta2;
        double p = (double)old_value[i] * (1 - (double)s->decay);
        double below = largest ? fmax((double)old_most[i], square) : square;
        p -= (double)s->rate * mean / (sqrt(below) + (double)s->epsilon);
        expect(is_near(most[i], largest ? below : (double)old_most[i], 3e-7, 1e-10), "n %d: most[%d] is %.9g", (int)n,
               (int)i, (double)most[i]);
        expect(is_near(m[i], mean, 2e-7, 1e-8) && is_near(v[i], square, 3e-7, 1e-10) &&
                   is_near(value[i], p, 2e-7, 1e-7),
               "n %d: [%d] is %.9g, %.9g, %.9g, not %.9g, %.9g, %.9g", (int)n, (int)i, (double)value[i], (double)m[i],
               (double)v[i], p, mean, square);
    }
}

static void check_sgd(int64_t n, const struct ec_sgd_step *s, int with_momentum)
{
    static float old_value[1024], old_m[1024];
    float *value = slot_array(0, n), *m = slot_array(1, n), *gradient = slot_array(2, n);
    fill_random(value, n, 1.0f, 1);
    fill_random(m, n, 0.1f, 2);
    fill_random(gradient, n, 1.0f, 4);
    memcpy(old_value, value, (size_t)n * sizeof *value);
    memcpy(old_m, m, (size_t)n * sizeof *m);
    kernels->sgd(value, with_momentum ? m : NULL, gradient, s, n);
    for (int64_t i = 0; i < n; i++) {
        double push = (double)s->rate * scaled(gradient[i], &s->scaling),
               p = (double)old_value[i] * (1 - (double)s->decay);
        double speed = with_momentum ? (double)s->momentum * (double)old_m[i] - push : (double)old_m[i];
        p += with_momentum ? (s->nesterov ? (double)s->momentum * speed - push : speed) : -push;
        expect(is_near(m[i], speed, 2e-7, 5e-8) && is_near(value[i], p, 2e-7, 1e-7),
               "n %d, momentum %d: [%d] is %.9g, %.9g, not %.9g, %.9g", (int)n, with_momentum, (int)i, (double)value[i],
               (double)m[i], p, speed);
    }
}

void check_update(void)
{
    const struct ec_gradient_scaling plain = {1.0f, INFINITY}, clipped = {0.5f, 0.2f};
    int64_t n;
    for (int number = 0; (n = edge_size(number)) >= 0; number++) {
        at_kernel("adam");
        check_adam(n, &(struct ec_adam_step){1e-3f, 0.1f, 0.001f, 1e-7f, 0.0f, plain}, 0);
        check_adam(n, &(struct ec_adam_step){1e-2f, 0.1f, 0.001f, 1e-7f, 0.004f, clipped}, 0);
        at_kernel("amsgrad");
        check_adam(n, &(struct ec_adam_step){1e-3f, 0.1f, 0.3f, 1e-7f, 0.0f, plain}, 1);
        check_adam(n, &(struct ec_adam_step){1e-2f, 0.1f, 0.001f, 1e-7f, 0.004f, clipped}, 1);
        at_kernel("sgd");
        for (int variant = 0; variant < 8; variant++) {
            const struct ec_sgd_step step = {0.01f, 0.9f, variant & 4 ? 0.01f : 0.0f, variant & 2,
                                             variant & 4 ? clipped : plain};
            check_sgd(n, &step, variant & 1);
        }
    }
    at_kernel("adam");
    float value = 1, m = 0, v = 0, gradient = NAN;
    kernels->adam(&value, &m, &v, &gradient, &(struct ec_adam_step){1e-3f, 0.1f, 0.001f, 1e-7f, 0.0f, clipped}, 1);
    expect(isnan(value) && isnan(m) && isnan(v), "a gradient of NaN is lost");
    at_kernel("sgd");
    value = 1;
    kernels->sgd(&value, NULL, &gradient, &(struct ec_sgd_step){0.01f, 0.0f, 0.0f, 0, clipped}, 1);
    expect(isnan(value), "a gradient of NaN is lost");
}
