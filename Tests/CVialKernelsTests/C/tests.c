// Owns: the list of all kernel tests and the state they run in.
// Must not: test anything itself but that state and the dispatch.
#include "kernel_tests.h"

#include "support.h"

/// Address and name of every test.
static const struct {
  const char *name;
  int (*run)(void);
} kernel_tests[] = {
  {"dispatch", test_dispatch},
  {"fp_state", test_fp_state},
  {"float_conversions", test_float_conversions},
  {"tile_layouts", test_tile_layouts},
  {"tensor_check", test_tensor_check},
  {"activation_panels", test_activation_panels},
  {"matmul_int4", test_matmul_int4},
  {"matmul_int8", test_matmul_int8},
  {"matmul_float", test_matmul_float},
  {"decode_row", test_decode_row},
  {"vector_functions", test_vector_functions},
  {"scalar_functions", test_scalar_functions},
  {"rope", test_rope},
  {"kv_store", test_kv_store},
  {"attention_equality", test_attention_equality},
  {"attention_independence", test_attention_independence},
  {"attention_dimensions", test_attention_dimensions},
  {"quantizers", test_quantizers},
  {"codebook_quantizer", test_codebook_quantizer},
  {"philox", test_philox},
  {"candidates", test_candidates},
  {"sampling", test_sampling},
  {"sampling_tails", test_sampling_tails},
  {"penalties", test_penalties},
  {"pinned_bits", test_pinned_bits},
};
enum { TEST_COUNT = sizeof kernel_tests / sizeof *kernel_tests };

const char *kernel_test_name(size_t index) { return index < TEST_COUNT ? kernel_tests[index].name : NULL; }

int kernel_test_run(const char *name) {
  for (size_t i = 0; i < TEST_COUNT; i++)
    if (strcmp(kernel_tests[i].name, name) == 0) {
      vial_fp_state before = vial_fp_enter();
      int failures = kernel_tests[i].run();
      vial_fp_leave(before);
      guarded_free_all();
      return failures;
    }
  fprintf(stderr, "no test named %s\n", name);
  return 1;
}

const char *kernel_test_families(void) {
  static char names[256];
  size_t length = 0;
  const vial_kernels *k;
  for (size_t i = 0; (k = vial_kernels_list(i)) != NULL; i++)
    length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i ? "," : "", k->name);
  return names;
}

/// Whether the features that /proc/cpuinfo lists include all words of `features`; false where there is no such file.
static bool cpu_lists(const char *features) {
  static char text[65536];
  FILE *file = fopen("/proc/cpuinfo", "r");
  if (!file) return false;
  size_t length = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[length] = 0;
  char *line = strstr(text, "\nflags"), wanted[256];
  if (line) line[1 + strcspn(line + 1, "\n")] = ' ';
  snprintf(wanted, sizeof wanted, "%s", features);
  for (char *word = strtok(wanted, " "); word; word = strtok(NULL, " ")) {
    char spaced[64];
    snprintf(spaced, sizeof spaced, " %s ", word);
    const char *at = line ? strstr(line, spaced) : NULL;
    if (!at || memchr(line + 1, '\n', (size_t)(at - line - 1))) return false;
  }
  return true;
}

int test_dispatch(void) {
  int failures = 0;
  fprintf(stderr, "families: %s\n", kernel_test_families());
#if defined(__x86_64__)
  // A family that the CPU can run and the dispatcher forgets would be compared with nothing.
  if (cpu_lists("avx2 fma f16c")) CHECK(vial_kernels_find("avx2") != NULL, "avx2 does not run here");
  if (cpu_lists("avx2 fma f16c avx512f avx512bw avx512vl avx512dq avx512_vnni"))
    CHECK(vial_kernels_find(NULL) == vial_kernels_find("avx512vnni"), "avx512vnni is not the best family here");
#else
  (void)cpu_lists;  // an emulator shows the host's file: there, `families=` says what must run
#endif
  CHECK(vial_kernels_find("reference") != NULL, "reference is missing");
  CHECK(vial_kernels_find("no such family") == NULL, "found a family that does not exist");
  CHECK(vial_kernels_find(NULL) == vial_kernels_list(0), "the best family is not the first");
  size_t count = 0;
  for (const vial_kernels *k; (k = vial_kernels_list(count)) != NULL; count++) {
    CHECK(vial_kernels_find(k->name) == k, "%s is not found by name", k->name);
    const void *const *slots = (const void *const *)k;
    for (size_t i = 0; i < offsetof(vial_kernels, zero_sums) / sizeof(void *); i++)
      CHECK(slots[i] != NULL, "%s lacks slot %zu", k->name, i);
  }
  CHECK(count >= 1 && vial_kernels_list(count + 1) == NULL, "the list has no end");
  return failures;
}

int test_fp_state(void) {
  int failures = 0;
  volatile float tiny = 0x1p-140f, one = 1.0f, three = 3.0f, kept, ratio;  // volatile: computed where written
#if defined(__x86_64__)
  uint32_t strange = 0x1F80 | 0x8040 | 0x6000, found;  // flush to zero, denormals are zero, round toward zero
  __asm__ volatile("ldmxcsr %0" : : "m"(strange) : "memory");
  vial_fp_state host = vial_fp_enter();
  kept = tiny * one;
  ratio = one / three;
  vial_fp_leave(host);
  __asm__ volatile("stmxcsr %0" : "=m"(found));
  CHECK((found & 0xFFC0) == strange, "the host's state is not restored: %x", found);
#else
  uint64_t strange = 3u << 22 | 1u << 24, found;
  __asm__ volatile("msr fpcr, %0" : : "r"(strange) : "memory");
  vial_fp_state host = vial_fp_enter();
  kept = tiny * one;
  ratio = one / three;
  vial_fp_leave(host);
  __asm__ volatile("mrs %0, fpcr" : "=r"(found));
  CHECK(found == strange, "the host's state is not restored");
#endif
  vial_fp_enter();
  CHECK(kept == 0x1p-140f, "denormals are flushed");
  CHECK(ratio == 0x1.555556p-2f, "rounding is not to nearest");
  return failures;
}
