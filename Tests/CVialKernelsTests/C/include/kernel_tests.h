// Owns: the list of kernel tests; each returns how many checks failed and prints what failed to stderr.
// Must not: depend on a test framework: the same program runs under qemu-aarch64.
#ifndef KERNEL_TESTS_H
#define KERNEL_TESTS_H
#include <stddef.h>

int test_tile_layouts(void);
int test_tensor_check(void);
int test_float_conversions(void);
int test_activation_panels(void);
int test_matmul_int4(void);
int test_matmul_int8(void);
int test_matmul_float(void);
int test_decode_row(void);
int test_vector_functions(void);
int test_scalar_functions(void);
int test_rope(void);
int test_kv_store(void);
int test_attention_equality(void);
int test_attention_independence(void);
int test_attention_dimensions(void);
int test_quantizers(void);
int test_codebook_quantizer(void);
int test_philox(void);
int test_candidates(void);
int test_sampling(void);
int test_sampling_tails(void);
int test_penalties(void);
int test_pinned_bits(void);
int test_dispatch(void);
int test_fp_state(void);

/// Names of the families that this CPU runs, so that the tests compare, best first: "a,b,c".
const char *kernel_test_families(void);
/// Name of the index-th test, NULL past the end.
const char *kernel_test_name(size_t index);
/// Runs one test under the contract's floating-point state.
int kernel_test_run(const char *name);

#endif
