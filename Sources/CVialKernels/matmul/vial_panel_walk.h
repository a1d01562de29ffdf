// Owns: the walk over tiles and panels that products share, and which function multiplies which
// panel.
// Must not: know how anything is multiplied: the including file's product does.
// Source: Spec/ARITHMETIC.md, rule 4.
// Of a panel of 8 tokens that is partly full (the last one, or the only one) just the first 2, 4
// or 6 are multiplied: it lies in memory 8 tokens wide all the same, but a vector of zeros would
// cost what any other costs.
//
// The including file, inside its target region, defines
//   PRODUCT(W, C)   the body of a vial_panel_product for the first C tokens of panels that are W
//                   wide
// and then uses VIAL_MATMUL or VIAL_MATMUL_FROM_4. A file with products of its own shape walks with
// vial_last_tokens.
#ifndef VIAL_PANEL_WALK_H
#define VIAL_PANEL_WALK_H

#define VIAL_PRODUCT_PARAMETERS                                                                                \
  const vial_tensor *w, const uint8_t *tile, uint32_t row0, const vial_panels *p, uint32_t panel, float *out, \
    size_t out_stride
#define VIAL_PRODUCT_ARGUMENTS w, tile, row0, p, panel, out, out_stride

/// One tile, whose first row is row0, with one panel.
typedef void vial_panel_product(VIAL_PRODUCT_PARAMETERS);

/// One function for each number of tokens, so that accumulators live in registers.
#define PRODUCTS(W, C) \
  static __attribute__((noinline)) void product_##W##_##C(VIAL_PRODUCT_PARAMETERS) { PRODUCT(W, C) }

/// All panels with tiles [tile_begin, tile_end): a tile is taken against all of them, one after
/// another, from the caches. `whole` serves all panels but the last.
VIAL_INLINE void vial_walk_panels(
  vial_panel_product *whole, vial_panel_product *last, const vial_tensor *w, const vial_panels *p,
  uint32_t tile_begin, uint32_t tile_end, float *out, size_t out_stride) {
  const size_t tile_bytes = vial_tensor_tile_byte_count(w);
  const uint8_t *tile = w->bytes + tile_begin * tile_bytes;
  for (uint32_t t = tile_begin; t < tile_end; t++, tile += tile_bytes) {
    uint32_t panel = 0;
    for (; panel + 1 < p->panel_count; panel++) whole(w, tile, t * 16, p, panel, out, out_stride);
    last(w, tile, t * 16, p, panel, out, out_stride);
  }
}

/// Tokens of the last panel that there are.
VIAL_INLINE uint32_t vial_last_tokens(const vial_panels *p) { return p->token_count - (p->panel_count - 1) * p->width; }

/// Defines NAME, a matmul_quantized, for panels that are 4 or 8 wide; NARROW, another one, takes
/// those that are less.
#define VIAL_MATMUL_FROM_4(NAME, NARROW)                                                                               \
  PRODUCTS(4, 4) PRODUCTS(8, 2) PRODUCTS(8, 4) PRODUCTS(8, 6) PRODUCTS(8, 8)                                           \
  void NAME(                                                                                                           \
    const vial_tensor *w, const vial_panels *p, uint32_t tile_begin, uint32_t tile_end, float *out,                    \
    size_t out_stride) {                                                                                               \
    const uint32_t tokens = vial_last_tokens(p);                                                                       \
    if (p->width < 4)                                                                                                  \
      NARROW(w, p, tile_begin, tile_end, out, out_stride);                                                             \
    else if (p->width == 4)                                                                                            \
      vial_walk_panels(product_4_4, product_4_4, w, p, tile_begin, tile_end, out, out_stride);                         \
    else                                                                                                               \
      vial_walk_panels(                                                                                                \
        product_8_8,                                                                                                   \
        tokens > 6 ? product_8_8 : tokens > 4 ? product_8_6 : tokens > 2 ? product_8_4 : product_8_2, w, p,            \
        tile_begin, tile_end, out, out_stride);                                                                        \
  }

/// Defines NAME, a matmul_quantized.
#define VIAL_MATMUL(NAME)                                                                               \
  PRODUCTS(1, 1) PRODUCTS(2, 2)                                                                         \
  static void narrow_products(                                                                          \
    const vial_tensor *w, const vial_panels *p, uint32_t tile_begin, uint32_t tile_end, float *out,     \
    size_t out_stride) {                                                                                \
    vial_panel_product *multiply = p->width == 2 ? product_2_2 : product_1_1;                           \
    vial_walk_panels(multiply, multiply, w, p, tile_begin, tile_end, out, out_stride);                  \
  }                                                                                                     \
  VIAL_MATMUL_FROM_4(NAME, narrow_products)
#endif
