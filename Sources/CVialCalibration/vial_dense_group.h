// Owns: scales, zero points and integers, 16 rows at a time. Included by vial_dense_lanes.h.
// Must not: look at more of the Hessian than it is given.
#ifndef VIAL_DENSE_GROUP_H
#define VIAL_DENSE_GROUP_H

/// Scales are kept where an f16 is normal, so that their relative error stays small and a division
/// is safe.
#define DENSE_SCALE_MIN 0x1p-14f
#define DENSE_SCALE_MAX 65504.0f

DENSE_INLINE lanes usable_scale(lanes scale) { return half16(clamp16(scale, DENSE_SCALE_MIN, DENSE_SCALE_MAX)); }

/// Entries, the middles between them and the steps from one to the next.
typedef struct dense_codebook {
  float first, middle[VIAL_DENSE_ENTRIES - 1], step[VIAL_DENSE_ENTRIES - 1];
} dense_codebook;

DENSE_INLINE dense_codebook spread(const bool has_codebook, const float *entries) {
  dense_codebook out = {0};
  if (!has_codebook) return out;
  out.first = entries[0];
  for (uint32_t i = 0; i + 1 < VIAL_DENSE_ENTRIES; i++) {
    out.middle[i] = 0.5f * (entries[i] + entries[i + 1]);
    out.step[i] = entries[i + 1] - entries[i];
  }
  return out;
}

/// `x` where a mask is set, else 0.
DENSE_INLINE lanes where(mask m, float x) { return (lanes)(m & (mask)all(x)); }

/// The entry of place q; sums of integers, so exact.
DENSE_INLINE lanes entry_at(const dense_codebook *entries, lanes q) {
  lanes t = all(entries->first);
  DENSE_UNROLL for (uint32_t i = 0; i + 1 < VIAL_DENSE_ENTRIES; i++) t += where(q > (float)i, entries->step[i]);
  return t;
}

/// What the integer nearest to `x` stands for, and the integer: x has steps of the scale, the lower
/// one of two equally near entries is taken.
DENSE_INLINE lanes nearest(const bool has_codebook, const dense_codebook *entries, lanes x, lanes zero, lanes *q) {
  if (!has_codebook) {
    *q = clamp16(round16(x) + zero, 0.0f, 15.0f);
    return *q - zero;
  }
  lanes t = all(entries->first), slot = (lanes){0};
  DENSE_UNROLL for (uint32_t i = 0; i + 1 < VIAL_DENSE_ENTRIES; i++) {
    mask above = x > entries->middle[i];
    t += where(above, entries->step[i]);
    slot += where(above, 1.0f);
  }
  *q = slot;
  return t;
}

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

/// Asymmetric: 24 shrunken ranges (1, 39/40, ... 17/40), each with the nearest zero point and its
/// neighbours.
DENSE_INLINE void asymmetric_candidate(lanes low, lanes high, int index, lanes *scale, lanes *zero) {
  lanes shrink = all(1.0f - 0.025f * (float)(index / 3));
  *scale = usable_scale((high - low) * shrink / 15.0f);
  lanes nearest = clamp16(round16(-low * shrink / *scale), 0.0f, 15.0f);
  *zero = clamp16(nearest + (index % 3 == 0 ? 0.0f : index % 3 == 1 ? -1.0f : 1.0f), 0.0f, 15.0f);
}

/// Symmetric: the zero point is 8 and the scale positive: 36 divisors of the larger extreme, and 24
/// of it at -8.
DENSE_INLINE void symmetric_candidate(lanes low, lanes high, int index, lanes *scale, lanes *zero) {
  lanes reach = pick(-low > high, -low, high);
  *scale = usable_scale(reach / (index < 36 ? 6.5f + 0.125f * (float)index : 4.0f + 0.125f * (float)(index - 36)));
  *zero = all(8.0f);
}

static void scale_search(
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

/// Weighted squared error of a group of entries under one scale.
DENSE_INLINE lanes codebook_error(
  const float *weights, size_t stride, const float *importance, uint32_t count, const dense_codebook *entries,
  lanes scale) {
  lanes inverse = 1.0f / scale, sum = (lanes){0}, q;
  for (uint32_t i = 0; i < count; i++) {
    lanes x = load(weights + i * stride);
    lanes e = fma16(-scale, nearest(true, entries, x * inverse, (lanes){0}, &q), x);
    sum = fma16(e * e, all(importance[i]), sum);
  }
  return sum;
}

/// 26 scales of each sign, under which the farthest weight would be 0.625 ... 1.25 times the
/// farthest entry.
static void codebook_scale_search(
  const float *weights, size_t stride, const float *importance, uint32_t count, const float *table, float *scales) {
  const dense_codebook entries = spread(true, table);
  lanes reach = (lanes){0};
  for (uint32_t i = 0; i < count; i++) {
    lanes x = load(weights + i * stride), size = pick(x < 0.0f, -x, x);
    reach = pick(size > reach, size, reach);
  }
  const float first = table[0] < 0 ? -table[0] : table[0];
  const float last = table[VIAL_DENSE_ENTRIES - 1] < 0 ? -table[VIAL_DENSE_ENTRIES - 1] : table[VIAL_DENSE_ENTRIES - 1];
  lanes best = all(__builtin_inff()), best_scale = all(DENSE_SCALE_MIN);
  for (int index = 0; index < 52; index++) {
    lanes size = usable_scale(reach * (0.625f + 0.025f * (float)(index / 2)) / (first > last ? first : last));
    lanes scale = index % 2 == 0 ? size : -size;
    lanes error = codebook_error(weights, stride, importance, count, &entries, scale);
    mask better = error < best;
    best = pick(better, error, best);
    best_scale = pick(better, scale, best_scale);
  }
  store(scales, best_scale);
}

DENSE_INLINE void decide_block(const bool has_codebook, const vial_dense_columns *c) {
  const dense_codebook entries = spread(has_codebook, c->entries);
  lanes feedback[VIAL_DENSE_BLOCK];
  for (uint32_t j = 0; j < c->count; j++) feedback[j] = load(c->feedback + j * c->stride);
  for (uint32_t j = c->count; j-- > 0;) {
    const float *row = c->factor + j * c->factor_stride;
    lanes scale = load(c->scales + c->groups[j] * c->group_stride);
    lanes zero = has_codebook ? (lanes){0} : load(c->zeros + c->groups[j] * c->group_stride);
    lanes weight = load(c->weights + c->columns[j] * c->stride);
    lanes wanted = fma16(feedback[j], all(1.0f / row[j]), weight);
    lanes q, t = nearest(has_codebook, &entries, wanted / scale, zero, &q);
    lanes residual = fma16(-scale, t, weight);
    store_bytes(c->integers + c->columns[j] * c->stride, q);
    store(c->residual + j * c->stride, residual);
    for (uint32_t i = 0; i < j; i++) feedback[i] = fma16(residual, all(row[i]), feedback[i]);
  }
}

static void gptq_round(const vial_dense_columns *c) {
  if (c->entries != NULL)
    decide_block(true, c);
  else
    decide_block(false, c);
}

/// One pass over the integers; `g` is the gradient of the group's columns and follows every change.
DENSE_INLINE void improve_integers(
  const bool has_codebook, const dense_codebook *entries, const vial_dense_group *p, lanes *g, lanes *t, lanes scale,
  lanes zero) {
  for (uint32_t k = 0; k < p->count; k++) {
    const float *row = p->hessian + k * p->hessian_stride;
    lanes step = g[k] / (scale * row[k]), q;
    lanes next = has_codebook ? nearest(true, entries, t[k] + step, zero, &q)
                            : clamp16(round16(t[k] + zero + step), 0.0f, 15.0f) - zero;
    lanes change = (next - t[k]) * scale;
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
  lanes next = *scale + slope / curve, size = pick(next < 0.0f, -next, next);
  mask better = (curve > 0.0f) & (size >= DENSE_SCALE_MIN) & (size <= DENSE_SCALE_MAX) & (next * *scale > 0.0f);
  *scale = pick(better, half16(pick(better, next, *scale)), *scale);
}

DENSE_INLINE void improve_group(const bool has_codebook, const vial_dense_group *p) {
  const dense_codebook entries = spread(has_codebook, p->entries);
  lanes g[VIAL_DENSE_GROUP], t[VIAL_DENSE_GROUP], scale = load(p->scales);
  lanes zero = has_codebook ? (lanes){0} : load(p->zeros);
  for (uint32_t k = 0; k < p->count; k++) {
    g[k] = load(p->gradient + k * p->gradient_stride);
    lanes q = load_bytes(p->integers + k * p->stride);
    t[k] = has_codebook ? entry_at(&entries, q) : q - zero;
  }
  improve_integers(has_codebook, &entries, p, g, t, scale, zero);
  improve_scale(p, g, t, &scale);
  for (uint32_t k = 0; k < p->count; k++) {
    lanes q = t[k] + zero;
    if (has_codebook) nearest(true, &entries, t[k], zero, &q);
    store_bytes(p->integers + k * p->stride, q);
    store(p->residual + k * p->stride, fma16(-scale, t[k], load(p->weights + k * p->stride)));
  }
  store(p->scales, scale);
}

static void coordinate_descent(const vial_dense_group *p) {
  if (p->entries != NULL)
    improve_group(true, p);
  else
    improve_group(false, p);
}
#endif
