// Owns: scales, zero points and integers, 16 rows at a time. Included by vial_dense_lanes.h.
// Must not: look at more of the Hessian than it is given.
#ifndef VIAL_DENSE_GROUP_H
#define VIAL_DENSE_GROUP_H

/// Scales are kept where an f16 is normal, so that their relative error stays small and a division is safe.
#define DENSE_SCALE_MIN 0x1p-14f
#define DENSE_SCALE_MAX 65504.0f

DENSE_INLINE lanes usable_scale(lanes scale) { return half16(clamp16(scale, DENSE_SCALE_MIN, DENSE_SCALE_MAX)); }

/// Weighted squared error of a group under one scale and zero point.
DENSE_INLINE lanes group_error(
  const float *weights, size_t stride, const float *importance, uint32_t count, lanes scale, lanes zero) {
  lanes inverse = 1.0f / scale, sum = (lanes){0};
  for (uint32_t i = 0; i < count; i++) {
    lanes x = load(weights + i * stride), t = clamp16(round16(x * inverse) + zero, 0.0f, 15.0f) - zero;
    lanes e = fma16(-scale, t, x);
    sum = fma16(e * e, all(importance[i]), sum);
  }
  return sum;
}

/// Asymmetric: 24 shrunken ranges (1, 39/40, ... 17/40), each with the nearest zero point and its neighbours.
DENSE_INLINE void asymmetric_candidate(lanes low, lanes high, int index, lanes *scale, lanes *zero) {
  lanes shrink = all(1.0f - 0.025f * (float)(index / 3));
  *scale = usable_scale((high - low) * shrink / 15.0f);
  lanes nearest = clamp16(round16(-low * shrink / *scale), 0.0f, 15.0f);
  *zero = clamp16(nearest + (index % 3 == 0 ? 0.0f : index % 3 == 1 ? -1.0f : 1.0f), 0.0f, 15.0f);
}

/// Symmetric: the zero point is 8 and the scale positive: 36 divisors of the larger extreme, and 24 of it at -8.
DENSE_INLINE void symmetric_candidate(lanes low, lanes high, int index, lanes *scale, lanes *zero) {
  lanes reach = pick(-low > high, -low, high);
  *scale = usable_scale(reach / (index < 36 ? 6.5f + 0.125f * (float)index : 4.0f + 0.125f * (float)(index - 36)));
  *zero = all(8.0f);
}

static void search(
  const float *weights, size_t stride, const float *importance, uint32_t count, bool asymmetric, float *scales,
  float *zeros) {
  lanes low = (lanes){0}, high = (lanes){0};
  for (uint32_t i = 0; i < count; i++) {
    lanes x = load(weights + i * stride);
    low = pick(x < low, x, low);
    high = pick(x > high, x, high);
  }
  lanes best = all(__builtin_inff()), best_scale = all(DENSE_SCALE_MIN), best_zero = all(8.0f);
  for (int index = 0; index < (asymmetric ? 72 : 56); index++) {
    lanes scale, zero;
    if (asymmetric)
      asymmetric_candidate(low, high, index, &scale, &zero);
    else
      symmetric_candidate(low, high, index, &scale, &zero);
    lanes error = group_error(weights, stride, importance, count, scale, zero);
    mask better = error < best;
    best = pick(better, error, best);
    best_scale = pick(better, scale, best_scale);
    best_zero = pick(better, zero, best_zero);
  }
  store(scales, best_scale);
  store(zeros, best_zero);
}

static void decide(const vial_dense_columns *c) {
  lanes feedback[VIAL_DENSE_BLOCK];
  for (uint32_t j = 0; j < c->count; j++) feedback[j] = load(c->feedback + j * c->stride);
  for (uint32_t j = c->count; j-- > 0;) {
    const float *row = c->factor + j * c->factor_stride;
    lanes scale = load(c->scales + c->groups[j] * c->group_stride);
    lanes zero = load(c->zeros + c->groups[j] * c->group_stride);
    lanes weight = load(c->weights + c->columns[j] * c->stride);
    lanes wanted = fma16(feedback[j], all(1.0f / row[j]), weight);
    lanes q = clamp16(round16(wanted / scale) + zero, 0.0f, 15.0f);
    lanes residual = fma16(-scale, q - zero, weight);
    store_bytes(c->integers + c->columns[j] * c->stride, q);
    store(c->residual + j * c->stride, residual);
    for (uint32_t i = 0; i < j; i++) feedback[i] = fma16(residual, all(row[i]), feedback[i]);
  }
}

/// One pass over the integers; `g` is the gradient of the group's columns and follows every change.
DENSE_INLINE void improve_integers(const vial_dense_group *p, lanes *g, lanes *t, lanes scale, lanes zero) {
  for (uint32_t k = 0; k < p->count; k++) {
    const float *row = p->hessian + k * p->hessian_stride;
    lanes wanted = t[k] + zero + g[k] / (scale * row[k]);
    lanes next = clamp16(round16(wanted), 0.0f, 15.0f) - zero, change = (next - t[k]) * scale;
    t[k] = next;
    for (uint32_t j = 0; j < p->count; j++) g[j] = fma16(-change, all(row[j]), g[j]);
  }
}

/// The scale of least error for the integers as they are, rounded to f16.
DENSE_INLINE void improve_scale(const vial_dense_group *p, const lanes *g, const lanes *t, lanes *scale) {
  lanes slope = (lanes){0}, curve = (lanes){0};
  for (uint32_t k = 0; k < p->count; k++) {
    const float *row = p->hessian + k * p->hessian_stride;
    lanes sum = (lanes){0};
    for (uint32_t j = 0; j < p->count; j++) sum = fma16(t[j], all(row[j]), sum);
    curve = fma16(sum, t[k], curve);
    slope = fma16(g[k], t[k], slope);
  }
  lanes next = *scale + slope / curve;
  mask better = (curve > 0.0f) & (next >= DENSE_SCALE_MIN) & (next <= DENSE_SCALE_MAX);
  *scale = pick(better, half16(pick(better, next, *scale)), *scale);
}

static void improve(const vial_dense_group *p) {
  lanes g[VIAL_DENSE_GROUP], t[VIAL_DENSE_GROUP], scale = load(p->scales), zero = load(p->zeros);
  for (uint32_t k = 0; k < p->count; k++) {
    g[k] = load(p->gradient + k * p->gradient_stride);
    t[k] = load_bytes(p->integers + k * p->stride) - zero;
  }
  improve_integers(p, g, t, scale, zero);
  improve_scale(p, g, t, &scale);
  for (uint32_t k = 0; k < p->count; k++) {
    store_bytes(p->integers + k * p->stride, t[k] + zero);
    store(p->residual + k * p->stride, fma16(-scale, t[k], load(p->weights + k * p->stride)));
  }
  store(p->scales, scale);
}
#endif
