// Owns: the factor of one diagonal block and its inverse.
// Must not: know the matrix around it.
#include <math.h>

#include "vial_dense.h"

#pragma STDC FP_CONTRACT OFF

/// Lower triangle of the factor into l; false at a pivot that is not positive.
static bool factor(const float *a, size_t stride, uint32_t n, double *l) {
  for (uint32_t j = 0; j < n; j++) {
    double *row = l + (size_t)j * n;
    for (uint32_t i = 0; i < j; i++) {
      const double *other = l + (size_t)i * n;
      double sum = a[j * stride + i];
      for (uint32_t k = 0; k < i; k++) sum -= row[k] * other[k];
      row[i] = sum / other[i];
    }
    double sum = a[j * stride + j];
    for (uint32_t k = 0; k < j; k++) sum -= row[k] * row[k];
    if (!(sum > 0.0) || !isfinite(sum)) return false;
    row[j] = sqrt(sum);
  }
  return true;
}

/// Inverse of a lower triangle, row by row.
static void invert(const double *l, uint32_t n, double *inverse) {
  for (uint32_t i = 0; i < n; i++) {
    const double *row = l + (size_t)i * n;
    double *out = inverse + (size_t)i * n, pivot = 1.0 / row[i];
    for (uint32_t j = 0; j < n; j++) out[j] = 0.0;
    for (uint32_t k = 0; k < i; k++) {
      double scale = row[k];
      const double *above = inverse + (size_t)k * n;
      for (uint32_t j = 0; j <= k; j++) out[j] -= scale * above[j];
    }
    for (uint32_t j = 0; j < i; j++) out[j] *= pivot;
    out[i] = pivot;
  }
}

bool vial_dense_cholesky(float *a, size_t stride, uint32_t count, float *inverse, double *scratch) {
  double *l = scratch, *inverted = scratch + (size_t)count * count;
  if (!factor(a, stride, count, l)) return false;
  invert(l, count, inverted);
  for (uint32_t i = 0; i < count; i++) {
    for (uint32_t j = 0; j <= i; j++) a[i * stride + j] = (float)l[(size_t)i * count + j];
    for (uint32_t j = 0; j < count; j++) {
      float value = (float)inverted[(size_t)i * count + j];
      if (!isfinite(value)) return false;
      inverse[(size_t)i * count + j] = value;
    }
  }
  return true;
}
