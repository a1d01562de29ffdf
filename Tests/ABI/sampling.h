/* Owns: the file's sampling, but at another temperature, for as long as nobody asks for another one.
 * Must not: hold what a test is about. */
#ifndef SAMPLING_H
#define SAMPLING_H
#include "vial.h"

#include "check.h"

static vial_sampling_options *at_temperature(vial_model *model, float temperature) {
  static vial_sampling_options sampling;
  STATUS(VIAL_STATUS_OK, vial_sampling_options_init(&sampling, sizeof sampling));
  STATUS(VIAL_STATUS_OK, vial_model_get_sampling(model, (vial_text){NULL, 0}, &sampling, NULL));
  sampling.temperature = temperature;
  return &sampling;
}
#endif
