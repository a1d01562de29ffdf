// Owns: a family that runs the SHA-NI source where the CPU lacks the instructions (x86-64 only).
#ifndef SHANI_MODEL_H
#define SHANI_MODEL_H
#include "vial_sha256.h"

#if defined(__x86_64__)
extern const vial_sha256_family shani_model;
#endif

#endif
