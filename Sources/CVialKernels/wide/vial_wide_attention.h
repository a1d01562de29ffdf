// Owns: attention of one KV head over cache blocks, 16 positions or 16 dimensions per vector.
// Must not: differ from vial_attention_reference.c by a bit.
// Source: Spec/ARITHMETIC.md, rule 11.
// Rows are (query, head) pairs. The including family defines VIAL_ATTENTION_ROWS (rows in flight, 4
// or 8) and VIAL_ATTENTION_VECTORS (16 positions or dimensions each, per row, when all rows are
// there) to fit its registers. Fewer rows take more vectors each: as many chains of fused
// multiply-adds hide the latency of one.
#ifndef VIAL_WIDE_ATTENTION_H
#define VIAL_WIDE_ATTENTION_H
#include "wide/vial_wide.h"

/// Rows of one chunk, their state in scratch, and the block at hand.
typedef struct attention_chunk {
  const float *q;      ///< scaled queries [row][dim]
  float *m, *l, *o;    ///< running maximum, sum, output [row][dim]
  float *part;         ///< this block's output [row][dim]
  const uint8_t *block;
  const uint8_t *next_block;  ///< whose keys are asked for meanwhile
  uint32_t next_count;        ///< its positions; 0: nothing is asked for
  uint32_t begins[VIAL_ATTENTION_ROWS];  ///< the first position of the block that each row sees
  uint32_t counts[VIAL_ATTENTION_ROWS];  ///< the end of those that it sees, 0 ... 64; 0: it sees none
  bool first[VIAL_ATTENTION_ROWS];       ///< whether the row sees no block before
  float soft_cap;                        ///< 0: none
  bool prefetch;
} attention_chunk;

VIAL_INLINE size_t cache_element_size(const vial_kv_type type) {
  return type == VIAL_KV_F32 ? 4 : type == VIAL_KV_F16 ? 2 : 1;
}
VIAL_INLINE v16f cache_load(const vial_kv_type type, const uint8_t *data, size_t i) {
  const uint8_t *p = data + i * cache_element_size(type);
  return type == VIAL_KV_F32   ? wide_load_single(p)
         : type == VIAL_KV_F16 ? wide_load_half(p)
                               : wide_load_int8(p);
}
/// `count` < 16 elements from i on, the rest zero.
VIAL_INLINE v16f cache_load_part(const vial_kv_type type, const uint8_t *data, size_t i, size_t count) {
  uint8_t elements[64] = {0};
  memcpy(elements, data + i * cache_element_size(type), count * cache_element_size(type));
  return cache_load(type, elements, 0);
}

/// Vectors per row with R rows: 1, 2, 4 ... `most`, as the registers allow.
VIAL_INLINE int attention_vectors(const int R, const int most) {
  int vectors = 1;
  while (vectors < most && R * vectors * 2 <= VIAL_ATTENTION_ROWS * VIAL_ATTENTION_VECTORS) vectors *= 2;
  return vectors;
}

/// Scores s[row][j ... j + 16*X) of R rows.
VIAL_INLINE void attention_scores(
  const vial_kv_type type, const int R, const int X, const attention_chunk *c, size_t dim, uint32_t j, float s[][64]) {
  const size_t size = cache_element_size(type);
  const uint8_t *values = c->block + 64 * dim * size;
  v16f acc[8][4];
  size_t from[4];
  VIAL_UNROLL for (int x = 0; x < X; x++) from[x] = (j + 16 * (size_t)x) * dim;
  VIAL_UNROLL for (int r = 0; r < R; r++) VIAL_UNROLL for (int x = 0; x < X; x++) acc[r][x] = (v16f){0};
  for (size_t d = 0; d < dim; d++) {
    if (c->prefetch)
      for (size_t line = 0; line < 16 * (size_t)X * size; line += 64)
        __builtin_prefetch(values + ((size_t)j * dim + 16 * (size_t)X * d) * size + line, 0, 2);
    v16f k[4];
    VIAL_UNROLL for (int x = 0; x < X; x++) k[x] = cache_load(type, c->block, from[x] + d * 16);
    VIAL_UNROLL for (int r = 0; r < R; r++) {
      v16f q = wide_set(c->q[(size_t)r * dim + d]);
      VIAL_UNROLL for (int x = 0; x < X; x++) acc[r][x] = wide_fma(q, k[x], acc[r][x]);
    }
  }
  VIAL_UNROLL for (int r = 0; r < R; r++)
    VIAL_UNROLL for (int x = 0; x < X; x++) wide_store(&s[r][j + 16 * (uint32_t)x], acc[r][x]);
}

/// Scores of R rows with positions [j, count), j being a multiple of 16, rounded up to 16.
VIAL_INLINE void attention_all_scores(
  const vial_kv_type type, const int R, const attention_chunk *c, size_t dim, uint32_t j, uint32_t count,
  float s[][64]) {
  const int X = attention_vectors(R, 4);
  if (X > 2)
    for (; j + 48 < count; j += 64) attention_scores(type, R, 4, c, dim, j, s);
  if (X > 1)
    for (; j + 16 < count; j += 32) attention_scores(type, R, 2, c, dim, j, s);
  for (; j < count; j += 16) attention_scores(type, R, 1, c, dim, j, s);
}

/// Scores of one row, which sees positions [begin, count), to weights of the values, in place; the
/// maximum and the sum of exponentials.
VIAL_INLINE void attention_weights(
  const vial_kv_type type, const float *scales, float soft_cap, uint32_t begin, uint32_t count, float s[64],
  float *out_maximum, float *out_sum) {
  const v16f nothing = wide_set(-__builtin_inff());
  v16f v[4], top = nothing, sum = {0};
  VIAL_UNROLL for (int i = 0; i < 4; i++) {
    v[i] = wide_load(s + 16 * i);
    if (type == VIAL_KV_INT8) v[i] = v[i] * wide_load(scales + 16 * i);
    if (soft_cap != 0.0f) v[i] = wide_soft_cap(v[i], VIAL_LOG2E * soft_cap, -2.0f / soft_cap);
    v[i] = wide_select(wide_first((int32_t)count - 16 * i), v[i], nothing);
    if (begin > 0) v[i] = wide_select(wide_first((int32_t)begin - 16 * i), nothing, v[i]);
    top = wide_max(v[i], top);
  }
  float maximum = wide_reduce_max(top);
  VIAL_UNROLL for (int i = 0; i < 4; i++) {
    v16f p = wide_exp2c(v[i] - maximum);
    sum = i == 0 ? p : sum + p;
    wide_store(s + 16 * i, type == VIAL_KV_INT8 ? p * wide_load(scales + 64 + 16 * i) : p);
  }
  *out_maximum = maximum;
  *out_sum = wide_tree(sum);
}

/// Positions [begin, end) of the values; their weighted sums continue from `part`, or begin at +0.
typedef struct attention_span {
  uint32_t begin, end;
  bool continues;
} attention_span;

/// part[row][d ... d + 16*X) over some positions of R rows from row0 on.
VIAL_INLINE void attention_values(
  const vial_kv_type type, const int R, const int X, const attention_chunk *c, size_t dim, size_t d, int row0,
  const attention_span span, float s[][64]) {
  const size_t size = cache_element_size(type);
  const uint8_t *values = c->block + 64 * dim * size;
  // Keys come 16 positions at a time. The positions at hand share the asking; rows that see more do
  // not ask again.
  const uint32_t begin = span.begin, count = span.end - begin;
  const size_t keys = span.continues ? 0 : (c->next_count + 15) / 16 * 16 * dim * size;
  const size_t ask = 16 * (size_t)X * size * ((c->next_count + count - 1) / count);
  v16f o[8][8];
  VIAL_UNROLL for (int r = 0; r < R; r++)
    VIAL_UNROLL for (int x = 0; x < X; x++)
      o[r][x] = span.continues ? wide_load(c->part + (size_t)(row0 + r) * dim + d + 16 * (size_t)x) : (v16f){0};
  for (uint32_t i = begin; i < span.end; i++) {
    const size_t asked = (d / 16 / (size_t)X * count + i - begin) * ask;
    if (asked < keys)
      for (size_t line = 0; line < ask; line += 64) __builtin_prefetch(c->next_block + asked + line, 0, 2);
    v16f v[8];
    VIAL_UNROLL for (int x = 0; x < X; x++) v[x] = cache_load(type, values, (size_t)i * dim + d + 16 * (size_t)x);
    VIAL_UNROLL for (int r = 0; r < R; r++) {
      v16f p = wide_set(s[row0 + r][i]);
      VIAL_UNROLL for (int x = 0; x < X; x++) o[r][x] = wide_fma(p, v[x], o[r][x]);
    }
  }
  VIAL_UNROLL for (int r = 0; r < R; r++)
    VIAL_UNROLL for (int x = 0; x < X; x++)
      wide_store(c->part + (size_t)(row0 + r) * dim + d + 16 * (size_t)x, o[r][x]);
}

/// The last dim % 16 dimensions: their vector ends at the row's end and overlaps lanes that are
/// done, which are computed again and not stored (never loading past the block). A row shorter than
/// a vector is loaded in part.
VIAL_INLINE void attention_last_values(
  const vial_kv_type type, const int R, const attention_chunk *c, size_t dim, int row0, const attention_span span,
  float s[][64]) {
  const size_t size = cache_element_size(type), rest = dim % 16, from = dim < 16 ? 0 : dim - 16;
  const uint8_t *values = c->block + 64 * dim * size;
  float lanes[16] = {0};
  v16f o[8];
  VIAL_UNROLL for (int r = 0; r < R; r++) {
    float *part = c->part + (size_t)(row0 + r) * dim;
    o[r] = span.continues ? load_some(part + from, dim < 16 ? rest : 16, 0.0f) : (v16f){0};
  }
  for (uint32_t i = span.begin; i < span.end; i++) {
    v16f v = dim < 16 ? cache_load_part(type, values, (size_t)i * dim, rest) : cache_load(type, values, (size_t)i * dim + from);
    VIAL_UNROLL for (int r = 0; r < R; r++) o[r] = wide_fma(wide_set(s[row0 + r][i]), v, o[r]);
  }
  VIAL_UNROLL for (int r = 0; r < R; r++) {
    wide_store(lanes, o[r]);
    memcpy(c->part + (size_t)(row0 + r) * dim + dim - rest, lanes + (dim < 16 ? 0 : 16 - rest), rest * sizeof *lanes);
  }
}

/// attention_values over all dimensions.
VIAL_INLINE void attention_all_values(
  const vial_kv_type type, const int R, const attention_chunk *c, size_t dim, int row0, const attention_span span,
  float s[][64]) {
  const int X = attention_vectors(R, 8);
  size_t d = 0;
  for (; d + 16 * (size_t)X <= dim; d += 16 * (size_t)X) attention_values(type, R, X, c, dim, d, row0, span, s);
  if (X > 4)
    for (; d + 64 <= dim; d += 64) attention_values(type, R, 4, c, dim, d, row0, span, s);
  if (X > 1)
    for (; d + 32 <= dim; d += 32) attention_values(type, R, 2, c, dim, d, row0, span, s);
  for (; d + 16 <= dim; d += 16) attention_values(type, R, 1, c, dim, d, row0, span, s);
  if (d < dim) attention_last_values(type, R, c, dim, row0, span, s);
}

/// Folds this block's result of one row into the running one.
VIAL_INLINE void attention_merge(const attention_chunk *c, size_t dim, int row, float block_m, float block_l) {
  float m = c->m[row], top = block_m > m ? block_m : m;
  float x = vial_exp2c_inline(m - top), y = vial_exp2c_inline(block_m - top);
  float *o = c->o + (size_t)row * dim, *part = c->part + (size_t)row * dim;
  c->m[row] = top;
  c->l[row] = __builtin_fmaf(c->l[row], x, block_l * y);
  VIAL_EACH16(dim, {
    store_some(o + i, left, wide_fma(load_some(o + i, left, 0), wide_set(x), load_some(part + i, left, 0) * y));
  });
}

/// Weighted sums of R rows: those that all rows see together, the others row by row.
VIAL_INLINE void attention_rows_values(
  const vial_kv_type type, const int R, const attention_chunk *c, size_t dim, float s[][64]) {
  uint32_t lead = 0, least = 64;
  for (int r = 0; r < R; r++) {
    lead = c->begins[r] > lead ? c->begins[r] : lead;
    least = c->counts[r] < least ? c->counts[r] : least;
  }
  const bool together = lead < least;
  for (int r = 0; r < R; r++) {
    const uint32_t end = together ? lead : c->counts[r];
    if (c->begins[r] < end)
      attention_all_values(type, 1, c, dim, r, (attention_span){c->begins[r], end, false}, s);
    else if (together && lead > 0)
      memset(c->part + (size_t)r * dim, 0, dim * sizeof(float));
  }
  if (!together) return;
  attention_all_values(type, R, c, dim, 0, (attention_span){lead, least, lead > 0}, s);
  for (int r = 0; r < R; r++)
    if (c->counts[r] > least)
      attention_all_values(type, 1, c, dim, r, (attention_span){least, c->counts[r], true}, s);
}

/// One block for a chunk of R rows.
VIAL_INLINE void attention_block(const vial_kv_type type, const int R, const attention_chunk *c, size_t dim) {
  float s[8][64] __attribute__((aligned(64))), block_m[8], block_l[8];
  const float *scales = (const float *)(const void *)(c->block + 128 * dim * cache_element_size(type));
  uint32_t most = 0, from = 64;
  for (int r = 0; r < R; r++) {
    most = c->counts[r] > most ? c->counts[r] : most;
    from = c->counts[r] > 0 && c->begins[r] < from ? c->begins[r] : from;
  }
  from = from / 16 * 16;
  for (int r = 0; r < R; r++) {
    for (uint32_t i = 0; i < from; i += 16) wide_store(&s[r][i], (v16f){0});
    for (uint32_t i = most / 16 * 16; i < 64; i += 16) wide_store(&s[r][i], (v16f){0});
  }
  attention_all_scores(type, R, c, dim, from, most, s);
  for (int r = 0; r < R; r++)
    attention_weights(type, scales, c->soft_cap, c->begins[r], c->counts[r], s[r], &block_m[r], &block_l[r]);
  attention_rows_values(type, R, c, dim, s);
  for (int r = 0; r < R; r++) {
    if (c->counts[r] == 0) continue;
    if (c->first[r]) {
      c->m[r] = block_m[r];
      c->l[r] = block_l[r];
      memcpy(c->o + (size_t)r * dim, c->part + (size_t)r * dim, dim * sizeof(float));
    } else {
      attention_merge(c, dim, r, block_m[r], block_l[r]);
    }
  }
}

/// attention_block with a fixed number of rows, so that accumulators live in registers; not
/// inlined: 8 copies suffice.
#define VIAL_ATTENTION_BLOCK(R)                                                                                        \
  static __attribute__((noinline)) void attention_block_##R(vial_kv_type type, const attention_chunk *c, size_t dim) { \
    switch (type) {                                                                                                    \
      case VIAL_KV_F32: attention_block(VIAL_KV_F32, R, c, dim); break;                                                \
      case VIAL_KV_F16: attention_block(VIAL_KV_F16, R, c, dim); break;                                                \
      default: attention_block(VIAL_KV_INT8, R, c, dim);                                                               \
    }                                                                                                                  \
  }
VIAL_ATTENTION_BLOCK(1)
VIAL_ATTENTION_BLOCK(2)
VIAL_ATTENTION_BLOCK(3)
VIAL_ATTENTION_BLOCK(4)
#if VIAL_ATTENTION_ROWS == 8
VIAL_ATTENTION_BLOCK(5)
VIAL_ATTENTION_BLOCK(6)
VIAL_ATTENTION_BLOCK(7)
VIAL_ATTENTION_BLOCK(8)
#endif

static void attention_rows(vial_kv_type type, uint32_t rows, const attention_chunk *c, size_t dim) {
  switch (rows) {
    case 1: attention_block_1(type, c, dim); break;
    case 2: attention_block_2(type, c, dim); break;
    case 3: attention_block_3(type, c, dim); break;
#if VIAL_ATTENTION_ROWS == 8
    case 4: attention_block_4(type, c, dim); break;
    case 5: attention_block_5(type, c, dim); break;
    case 6: attention_block_6(type, c, dim); break;
    case 7: attention_block_7(type, c, dim); break;
    default: attention_block_8(type, c, dim);
#else
    default: attention_block_4(type, c, dim);
#endif
  }
}

/// Whose keys will be read after the block that begins at `begin`: the next block's, or those that
/// the caller names.
VIAL_INLINE void attention_look_ahead(const vial_attention *a, uint32_t begin, uint32_t longest, attention_chunk *c) {
  const bool is_last = begin + 64 >= longest;
  uint32_t count = is_last ? a->next_count : longest - begin - 64;
  c->next_block = is_last ? a->next : a->blocks[begin / 64 + 1];
  c->next_count = c->next_block == NULL ? 0 : count < 64 ? count : 64;
}

/// The first position that a query sees.
VIAL_INLINE uint32_t attention_start(const vial_attention *a, uint32_t t) {
  const uint32_t seen = a->position_counts[t];
  return a->window != 0 && seen > a->window ? seen - a->window : 0;
}

/// What each row of a chunk sees of the block from `begin` on; whether one sees anything.
VIAL_INLINE bool attention_seen(const vial_attention *a, uint32_t begin, uint32_t row0, uint32_t count, attention_chunk *c) {
  bool any = false;
  for (uint32_t r = 0; r < count; r++) {
    const uint32_t t = (row0 + r) / a->head_count, start = attention_start(a, t), seen = a->position_counts[t];
    const uint32_t left = seen > begin && start < begin + 64 ? seen - begin : 0;
    c->counts[r] = left < 64 ? left : 64;
    c->begins[r] = left > 0 && start > begin ? start - begin : 0;
    c->first[r] = start / 64 == begin / 64;
    any |= left > 0;
  }
  return any;
}

static void wide_attention(const vial_attention *a) {
  enum { W = VIAL_ATTENTION_ROWS };
  const size_t dim = a->head_dim;
  const uint32_t rows = a->head_count * a->query_count;
  float *part = a->scratch, *o = part + W * dim, *q = o + (rows + W - 1) / W * W * dim;
  float *m = q + (rows + W - 1) / W * W * dim, *l = m + rows;
  float factor = a->scale != 0.0f ? VIAL_LOG2E * a->scale : VIAL_LOG2E / __builtin_elementwise_sqrt((float)a->head_dim);
  uint32_t longest = 0, earliest = UINT32_MAX;
  for (uint32_t row = 0; row < rows; row++) {
    uint32_t t = row / a->head_count;
    const float *source = a->q + t * a->q_stride + row % a->head_count * dim;
    longest = a->position_counts[t] > longest ? a->position_counts[t] : longest;
    earliest = attention_start(a, t) < earliest ? attention_start(a, t) : earliest;
    VIAL_EACH16(dim, { store_some(q + row * dim + i, left, load_some(source + i, left, 0) * factor); });
  }
  for (uint32_t begin = earliest / 64 * 64; begin < longest; begin += 64)
    for (uint32_t row0 = 0; row0 < rows; row0 += W) {
      uint32_t in_chunk = rows - row0 < W ? rows - row0 : W;
      attention_chunk c = {
        .q = q + row0 * dim, .m = m + row0, .l = l + row0, .o = o + row0 * dim, .part = part,
        .block = a->blocks[begin / 64], .soft_cap = a->soft_cap, .prefetch = row0 == 0};
      if (row0 == 0) attention_look_ahead(a, begin, longest, &c);
      if (attention_seen(a, begin, row0, in_chunk, &c)) attention_rows(a->type, in_chunk, &c, dim);
    }
  for (uint32_t row = 0; row < rows; row++) {
    float *out = a->out + row / a->head_count * a->out_stride + row % a->head_count * dim;
    VIAL_EACH16(dim, { store_some(out + i, left, load_some(o + row * dim + i, left, 0) / l[row]); });
  }
}
#endif
