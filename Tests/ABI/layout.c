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
AT(vial_model_options, verification, 8);
AT(vial_model_options, trusted_key_count, 12);
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
AT(vial_model_information, adapter_count, 76);
AT(vial_model_information, model_digest, 80);
AT(vial_model_information, file_digest, 112);

PIN(message, sizeof(vial_message) == 40);
AT(vial_message, role, 0);
AT(vial_message, role_length, 8);
AT(vial_message, content, 16);
AT(vial_message, content_length, 24);
AT(vial_message, flags, 32);
AT(vial_message, reserved, 36);

PIN(score_options, sizeof(vial_score_options) == 64);
AT(vial_score_options, struct_size, 0);
AT(vial_score_options, cache_type, 4);
AT(vial_score_options, thread_count, 8);
AT(vial_score_options, reserved, 12);
AT(vial_score_options, isa, 16);
AT(vial_score_options, progress, 24);
AT(vial_score_options, context, 32);
AT(vial_score_options, adapter, 40);
AT(vial_score_options, adapter_length, 48);
AT(vial_score_options, adapter_scale, 56);
AT(vial_score_options, adapter_reserved, 60);

PIN(adapter_information, sizeof(vial_adapter_information) == 64);
AT(vial_adapter_information, struct_size, 0);
AT(vial_adapter_information, rank, 4);
AT(vial_adapter_information, target_count, 8);
AT(vial_adapter_information, reserved, 12);
AT(vial_adapter_information, parameter_count, 16);
AT(vial_adapter_information, byte_count, 24);
AT(vial_adapter_information, digest, 32);

PIN(engine_options, sizeof(vial_engine_options) == 88);
AT(vial_engine_options, struct_size, 0);
AT(vial_engine_options, cache_type, 4);
AT(vial_engine_options, thread_count, 8);
AT(vial_engine_options, queue_limit, 12);
AT(vial_engine_options, cache_byte_limit, 16);
AT(vial_engine_options, isa, 24);
AT(vial_engine_options, log, 32);
AT(vial_engine_options, log_context, 40);
AT(vial_engine_options, allocate, 48);
AT(vial_engine_options, release, 56);
AT(vial_engine_options, memory_context, 64);
AT(vial_engine_options, running_limit, 72);
AT(vial_engine_options, step_prompt_tokens, 76);
AT(vial_engine_options, flags, 80);
AT(vial_engine_options, tenant_queue_limit, 84);

PIN(engine_information, sizeof(vial_engine_information) == 88);
AT(vial_engine_information, struct_size, 0);
AT(vial_engine_information, thread_count, 4);
AT(vial_engine_information, position_limit, 8);
AT(vial_engine_information, cache_position_count, 16);
AT(vial_engine_information, cache_byte_count, 24);
AT(vial_engine_information, waiting_count, 32);
AT(vial_engine_information, running_count, 40);
AT(vial_engine_information, isa, 48);
AT(vial_engine_information, memory_flags, 56);
AT(vial_engine_information, reserved, 60);
AT(vial_engine_information, locked_byte_count, 64);
AT(vial_engine_information, unlocked_byte_count, 72);
AT(vial_engine_information, dumpable_byte_count, 80);

PIN(event, sizeof(vial_event) == 72);
AT(vial_event, struct_size, 0);
AT(vial_event, kind, 4);
AT(vial_event, request, 8);
AT(vial_event, text, 16);
AT(vial_event, text_length, 24);
AT(vial_event, part, 32);
AT(vial_event, token, 36);
AT(vial_event, log_probability, 40);
AT(vial_event, alternative_count, 44);
AT(vial_event, alternatives, 48);
AT(vial_event, finish_reason, 56);
AT(vial_event, status, 60);
AT(vial_event, entropy, 64);
AT(vial_event, reserved, 68);

PIN(alternative, sizeof(vial_alternative) == 8);
AT(vial_alternative, token, 0);
AT(vial_alternative, log_probability, 4);

PIN(text, sizeof(vial_text) == 16);
AT(vial_text, text, 0);
AT(vial_text, length, 8);

PIN(request_options, sizeof(vial_request_options) == 280);
AT(vial_request_options, struct_size, 0);
AT(vial_request_options, flags, 4);
AT(vial_request_options, text, 8);
AT(vial_request_options, text_length, 16);
AT(vial_request_options, messages, 24);
AT(vial_request_options, message_count, 32);
AT(vial_request_options, tokens, 40);
AT(vial_request_options, token_count, 48);
AT(vial_request_options, max_tokens, 56);
AT(vial_request_options, given, 60);
AT(vial_request_options, temperature, 64);
AT(vial_request_options, top_k, 68);
AT(vial_request_options, top_p, 72);
AT(vial_request_options, min_p, 76);
AT(vial_request_options, repetition_penalty, 80);
AT(vial_request_options, alternative_count, 84);
AT(vial_request_options, seed, 88);
AT(vial_request_options, stops, 96);
AT(vial_request_options, stop_count, 104);
AT(vial_request_options, deadline_milliseconds, 112);
AT(vial_request_options, on_event, 120);
AT(vial_request_options, context, 128);
AT(vial_request_options, tenant, 136);
AT(vial_request_options, tenant_length, 144);
AT(vial_request_options, priority, 152);
AT(vial_request_options, reserved, 156);
AT(vial_request_options, adapter, 160);
AT(vial_request_options, adapter_length, 168);
AT(vial_request_options, adapter_scale, 176);
AT(vial_request_options, adapter_reserved, 180);
AT(vial_request_options, template_id, 184);
AT(vial_request_options, template_id_length, 192);
AT(vial_request_options, template_values, 200);
AT(vial_request_options, template_value_count, 208);
AT(vial_request_options, schema, 216);
AT(vial_request_options, schema_length, 224);
AT(vial_request_options, choices, 232);
AT(vial_request_options, choice_count, 240);
AT(vial_request_options, max_reasoning_tokens, 248);
AT(vial_request_options, sample_index, 252);
AT(vial_request_options, tools, 256);
AT(vial_request_options, tools_length, 264);
AT(vial_request_options, message_fields, 272);

PIN(template_value, sizeof(vial_template_value) == 32);
AT(vial_template_value, name, 0);
AT(vial_template_value, name_length, 8);
AT(vial_template_value, text, 16);
AT(vial_template_value, text_length, 24);

PIN(request_information, sizeof(vial_request_information) == 80);
AT(vial_request_information, struct_size, 0);
AT(vial_request_information, stage, 4);
AT(vial_request_information, finish_reason, 8);
AT(vial_request_information, status, 12);
AT(vial_request_information, prompt_token_count, 16);
AT(vial_request_information, computed_prompt_token_count, 24);
AT(vial_request_information, token_count, 32);
AT(vial_request_information, queue_seconds, 40);
AT(vial_request_information, prompt_seconds, 48);
AT(vial_request_information, generation_seconds, 56);
AT(vial_request_information, cached_prompt_token_count, 64);
AT(vial_request_information, preemption_count, 72);

PIN(latencies, sizeof(vial_latencies) == 136);
AT(vial_latencies, counts, 0);
AT(vial_latencies, sum, 128);
PIN(engine_metrics, sizeof(vial_engine_metrics) == 528);
AT(vial_engine_metrics, struct_size, 0);
AT(vial_engine_metrics, reserved, 4);
AT(vial_engine_metrics, submitted_count, 8);
AT(vial_engine_metrics, refused_count, 16);
AT(vial_engine_metrics, finished_counts, 24);
AT(vial_engine_metrics, waiting_count, 152);
AT(vial_engine_metrics, running_count, 160);
AT(vial_engine_metrics, block_count, 168);
AT(vial_engine_metrics, held_block_count, 176);
AT(vial_engine_metrics, kept_block_count, 184);
AT(vial_engine_metrics, pinned_block_count, 192);
AT(vial_engine_metrics, eviction_count, 200);
AT(vial_engine_metrics, preemption_count, 208);
AT(vial_engine_metrics, prompt_token_count, 216);
AT(vial_engine_metrics, cached_token_count, 224);
AT(vial_engine_metrics, generated_token_count, 232);
AT(vial_engine_metrics, step_count, 240);
AT(vial_engine_metrics, step_seconds, 248);
AT(vial_engine_metrics, first_token_seconds, 256);
AT(vial_engine_metrics, token_seconds, 392);

PIN(verify_options, sizeof(vial_verify_options) == 24);
AT(vial_verify_options, struct_size, 0);
AT(vial_verify_options, thread_count, 4);
AT(vial_verify_options, progress, 8);
AT(vial_verify_options, context, 16);

PIN(statuses, VIAL_STATUS_OK == 0 && VIAL_STATUS_INVALID_ARGUMENT == 1 && VIAL_STATUS_INVALID_HANDLE == 2 &&
                  VIAL_STATUS_INVALID_STRUCT_SIZE == 3 && VIAL_STATUS_INVALID_UTF8 == 4 &&
                  VIAL_STATUS_TOO_LONG == 5 && VIAL_STATUS_BUFFER_TOO_SMALL == 6 &&
                  VIAL_STATUS_OUT_OF_MEMORY == 7 && VIAL_STATUS_SYSTEM == 8 && VIAL_STATUS_FORMAT == 9 &&
                  VIAL_STATUS_UNKNOWN_TOKEN == 10 && VIAL_STATUS_NOT_IN_FILE == 11 &&
                  VIAL_STATUS_TEMPLATE == 12 && VIAL_STATUS_NUMERIC == 13 && VIAL_STATUS_CANCELLED == 14 &&
                  VIAL_STATUS_FORKED == 15 && VIAL_STATUS_UNSUPPORTED_ISA == 16 &&
                  VIAL_STATUS_TOO_MANY_HANDLES == 17 && VIAL_STATUS_UNTRUSTED == 18 && VIAL_STATUS_BUSY == 20 &&
                  VIAL_STATUS_CLOSED == 21 && VIAL_STATUS_TIMED_OUT == 22 && VIAL_STATUS_FINISHED == 23 &&
                  VIAL_STATUS_IN_CALLBACK == 24);
PIN(verification, VIAL_VERIFICATION_TABLES == 0 && VIAL_VERIFICATION_LAZY == 1 && VIAL_VERIFICATION_WHOLE == 2);
PIN(options, VIAL_ACCESS_MAPPED == 0 && VIAL_ACCESS_PRIVATE_COPY == 1 && VIAL_CACHE_F16 == 0 &&
                 VIAL_CACHE_F32 == 1 && VIAL_CACHE_INT8 == 2);
PIN(flags, VIAL_TOKENIZE_ADD_SPECIAL == 1 && VIAL_TOKENIZE_LITERAL == 2 && VIAL_DETOKENIZE_SKIP_SPECIAL == 1 &&
               VIAL_MESSAGE_NOT_LITERAL == 1 && VIAL_MODEL_HAS_CHAT_TEMPLATE == 1 &&
               VIAL_MODEL_HAS_TIED_EMBEDDING == 2 && VIAL_MODEL_BEGINS_WITH_TOKEN == 4 &&
               VIAL_MODEL_HAS_NOTICE == 8);
PIN(texts, VIAL_TEXT_ARCHITECTURE == 1 && VIAL_TEXT_NAME == 2 && VIAL_TEXT_NOTICE == 3 &&
               VIAL_TEXT_MODEL_DIGEST == 4 && VIAL_TEXT_FILE_DIGEST == 5);
PIN(events, VIAL_EVENT_NONE == 0 && VIAL_EVENT_TOKEN == 1 && VIAL_EVENT_FINISHED == 2 && VIAL_PART_ANSWER == 0 &&
                VIAL_PART_REASONING == 1 && VIAL_STAGE_WAITING == 0 && VIAL_STAGE_RUNNING == 1 &&
                VIAL_STAGE_FINISHED == 2 && VIAL_LOG_INFORMATION == 1 && VIAL_LOG_WARNING == 2);
PIN(finishes, VIAL_FINISH_NONE == 0 && VIAL_FINISH_STOP == 1 && VIAL_FINISH_LENGTH == 2 &&
                  VIAL_FINISH_STOP_STRING == 3 && VIAL_FINISH_CANCELLED == 4 && VIAL_FINISH_DEADLINE == 5 &&
                  VIAL_FINISH_ERROR == 6);
PIN(requests, VIAL_GIVEN_TEMPERATURE == 1 && VIAL_GIVEN_TOP_K == 2 && VIAL_GIVEN_TOP_P == 4 &&
                  VIAL_GIVEN_MIN_P == 8 && VIAL_GIVEN_REPETITION_PENALTY == 16 && VIAL_REQUEST_RAW == 1 &&
                  VIAL_REQUEST_PRIVATE == 2 && VIAL_REQUEST_PINNED == 4 && VIAL_ENGINE_NO_SHARING == 1 &&
                  VIAL_LATENCY_BUCKET_COUNT == 16 && VIAL_FINISH_REASON_ROOM == 16);
