// Owns: the list of families in order of preference and which of them this CPU can run.
// Must not: cache in mutable state or read the environment. Spec: ARITHMETIC.md, introduction.
#include <string.h>

#include "vial_family.h"

#if defined(__x86_64__)
static bool has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

static bool has_avx512vnni(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni");
}
#endif

static bool always(void) { return true; }

static const struct {
  const vial_kernels *kernels;
  bool (*runs_here)(void);
} families[] = {
#if defined(__x86_64__)
  {&vial_kernels_avx512vnni, has_avx512vnni},
  {&vial_kernels_avx2, has_avx2},
#endif
  {&vial_kernels_reference, always},
};

const vial_kernels *vial_kernels_list(size_t index) {
  for (size_t i = 0; i < sizeof families / sizeof *families; i++)
    if (families[i].runs_here() && index-- == 0) return families[i].kernels;
  return NULL;
}

const vial_kernels *vial_kernels_find(const char *name) {
  const vial_kernels *kernels;
  for (size_t i = 0; (kernels = vial_kernels_list(i)) != NULL; i++)
    if (name == NULL || strcmp(name, kernels->name) == 0) return kernels;
  return NULL;
}
