// Owns: the list of families in order of preference and which of them this CPU can run.
// Must not: cache in mutable state or read the environment.
// Source: Spec/ARITHMETIC.md, introduction.
#include <string.h>

#include "dispatch/vial_family.h"

#if defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

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

#if defined(__aarch64__) && defined(__APPLE__)
static bool has_feature(const char *name) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value != 0;
}
static bool has_dotprod(void) { return has_feature("hw.optional.arm.FEAT_DotProd"); }
static bool has_i8mm(void) { return has_dotprod() && has_feature("hw.optional.arm.FEAT_I8MM"); }
#elif defined(__aarch64__) && defined(__linux__)
// The kernel's numbers (arch/arm64/include/uapi/asm/hwcap.h); C libraries' headers are often older
// than the CPU.
static bool has_dotprod(void) { return getauxval(AT_HWCAP) >> 20 & 1; }                   // HWCAP_ASIMDDP
static bool has_i8mm(void) { return has_dotprod() && (getauxval(AT_HWCAP2) >> 13 & 1); }  // HWCAP2_I8MM
#elif defined(__aarch64__)
static bool has_dotprod(void) { return false; }
static bool has_i8mm(void) { return false; }
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
#if defined(__aarch64__)
  {&vial_kernels_neon_i8mm, has_i8mm},
  {&vial_kernels_neon_dotprod, has_dotprod},
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
