/* Owns: sizes, offsets and numbers that callers were compiled with. Must not: change, but for lines at the end. */
#include "vial.h"

#include <stddef.h>

#define PIN(name, condition) typedef char pin_##name[(condition) ? 1 : -1]
#define AT(structure, field, offset) PIN(structure##_##field, offsetof(structure, field) == (offset))

PIN(error, sizeof(vial_error) == 256);
AT(vial_error, struct_size, 0);
AT(vial_error, status, 4);
AT(vial_error, rule, 8);
AT(vial_error, system_code, 12);
AT(vial_error, byte_offset, 16);
AT(vial_error, sentence, 24);

PIN(model_options, sizeof(vial_model_options) == 24);
AT(vial_model_options, struct_size, 0);
AT(vial_model_options, access, 4);
AT(vial_model_options, trusted_key_count, 8);
AT(vial_model_options, reserved, 12);
AT(vial_model_options, trusted_keys, 16);

PIN(information, sizeof(vial_model_information) == 144);
AT(vial_model_information, struct_size, 0);
AT(vial_model_information, flags, 4);
AT(vial_model_information, parameter_count, 8);
AT(vial_model_information, weights_byte_count, 16);
AT(vial_model_information, file_byte_count, 24);
AT(vial_model_information, layer_count, 32);
AT(vial_model_information, hidden_size, 36);
AT(vial_model_information, feed_forward_size, 40);
AT(vial_model_information, head_count, 44);
AT(vial_model_information, key_value_head_count, 48);
AT(vial_model_information, head_dimension, 52);
AT(vial_model_information, vocabulary_size, 56);
AT(vial_model_information, token_count, 60);
AT(vial_model_information, context_length, 64);
AT(vial_model_information, score_window, 68);
AT(vial_model_information, begin_token, 72);
AT(vial_model_information, reserved, 76);
AT(vial_model_information, model_digest, 80);
AT(vial_model_information, file_digest, 112);

PIN(message, sizeof(vial_message) == 40);
AT(vial_message, role, 0);
AT(vial_message, role_length, 8);
AT(vial_message, content, 16);
AT(vial_message, content_length, 24);
AT(vial_message, flags, 32);
AT(vial_message, reserved, 36);

PIN(score_options, sizeof(vial_score_options) == 40);
AT(vial_score_options, struct_size, 0);
AT(vial_score_options, cache_type, 4);
AT(vial_score_options, thread_count, 8);
AT(vial_score_options, reserved, 12);
AT(vial_score_options, isa, 16);
AT(vial_score_options, progress, 24);
AT(vial_score_options, context, 32);

PIN(statuses, VIAL_STATUS_OK == 0 && VIAL_STATUS_INVALID_ARGUMENT == 1 && VIAL_STATUS_INVALID_HANDLE == 2 &&
                  VIAL_STATUS_INVALID_STRUCT_SIZE == 3 && VIAL_STATUS_INVALID_UTF8 == 4 &&
                  VIAL_STATUS_TOO_LONG == 5 && VIAL_STATUS_BUFFER_TOO_SMALL == 6 &&
                  VIAL_STATUS_OUT_OF_MEMORY == 7 && VIAL_STATUS_SYSTEM == 8 && VIAL_STATUS_FORMAT == 9 &&
                  VIAL_STATUS_UNKNOWN_TOKEN == 10 && VIAL_STATUS_NOT_IN_FILE == 11 &&
                  VIAL_STATUS_TEMPLATE == 12 && VIAL_STATUS_NUMERIC == 13 && VIAL_STATUS_CANCELLED == 14 &&
                  VIAL_STATUS_FORKED == 15 && VIAL_STATUS_UNSUPPORTED_ISA == 16 &&
                  VIAL_STATUS_TOO_MANY_HANDLES == 17 && VIAL_STATUS_UNTRUSTED == 18);
PIN(options, VIAL_ACCESS_MAPPED == 0 && VIAL_ACCESS_PRIVATE_COPY == 1 && VIAL_CACHE_F16 == 0 &&
                 VIAL_CACHE_F32 == 1 && VIAL_CACHE_INT8 == 2);
PIN(flags, VIAL_TOKENIZE_ADD_SPECIAL == 1 && VIAL_TOKENIZE_LITERAL == 2 && VIAL_DETOKENIZE_SKIP_SPECIAL == 1 &&
               VIAL_MESSAGE_NOT_LITERAL == 1 && VIAL_MODEL_HAS_CHAT_TEMPLATE == 1 &&
               VIAL_MODEL_HAS_TIED_EMBEDDING == 2 && VIAL_MODEL_BEGINS_WITH_TOKEN == 4 &&
               VIAL_MODEL_HAS_NOTICE == 8);
PIN(texts, VIAL_TEXT_ARCHITECTURE == 1 && VIAL_TEXT_NAME == 2 && VIAL_TEXT_NOTICE == 3 &&
               VIAL_TEXT_MODEL_DIGEST == 4 && VIAL_TEXT_FILE_DIGEST == 5);
