/* Owns: sizes, offsets and numbers that callers were compiled with. Must not: change, but for lines at the end. */
#include "vial.h"

#include <stddef.h>

#define PIN(name, condition) typedef char pin_##name[(condition) ? 1 : -1]
#define IS(name, value) typedef char is_##name[(name) == (value) ? 1 : -1]
#define AT(structure, field, offset) PIN(structure##_##field, offsetof(structure, field) == (offset))

PIN(text, sizeof(vial_text) == 16);
AT(vial_text, data, 0);
AT(vial_text, length, 8);

PIN(error, sizeof(vial_error) == 288);
AT(vial_error, struct_size, 0);
AT(vial_error, status, 4);
AT(vial_error, rule, 8);
AT(vial_error, system_code, 12);
AT(vial_error, byte_offset, 16);
AT(vial_error, message, 24);

PIN(model_options, sizeof(vial_model_options) == 32);
AT(vial_model_options, struct_size, 0);
AT(vial_model_options, access, 4);
AT(vial_model_options, verification, 8);
AT(vial_model_options, reserved, 12);
AT(vial_model_options, trusted_keys, 16);
AT(vial_model_options, trusted_key_count, 24);

PIN(model_info, sizeof(vial_model_info) == 144);
AT(vial_model_info, struct_size, 0);
AT(vial_model_info, flags, 4);
AT(vial_model_info, parameter_count, 8);
AT(vial_model_info, weights_byte_count, 16);
AT(vial_model_info, file_byte_count, 24);
AT(vial_model_info, layer_count, 32);
AT(vial_model_info, hidden_size, 36);
AT(vial_model_info, feed_forward_size, 40);
AT(vial_model_info, head_count, 44);
AT(vial_model_info, key_value_head_count, 48);
AT(vial_model_info, head_dimension, 52);
AT(vial_model_info, vocabulary_size, 56);
AT(vial_model_info, token_count, 60);
AT(vial_model_info, context_length, 64);
AT(vial_model_info, score_window, 68);
AT(vial_model_info, begin_token, 72);
AT(vial_model_info, adapter_count, 76);
AT(vial_model_info, model_digest, 80);
AT(vial_model_info, file_digest, 112);

PIN(adapter_info, sizeof(vial_adapter_info) == 64);
AT(vial_adapter_info, struct_size, 0);
AT(vial_adapter_info, rank, 4);
AT(vial_adapter_info, target_count, 8);
AT(vial_adapter_info, reserved, 12);
AT(vial_adapter_info, parameter_count, 16);
AT(vial_adapter_info, byte_count, 24);
AT(vial_adapter_info, digest, 32);

PIN(verify_options, sizeof(vial_verify_options) == 32);
AT(vial_verify_options, struct_size, 0);
AT(vial_verify_options, thread_count, 4);
AT(vial_verify_options, progress, 8);
AT(vial_verify_options, progress_context, 16);
AT(vial_verify_options, reserved, 24);

PIN(engine_options, sizeof(vial_engine_options) == 96);
AT(vial_engine_options, struct_size, 0);
AT(vial_engine_options, flags, 4);
AT(vial_engine_options, cache_type, 8);
AT(vial_engine_options, thread_count, 12);
AT(vial_engine_options, cache_byte_limit, 16);
AT(vial_engine_options, isa, 24);
AT(vial_engine_options, queue_limit, 32);
AT(vial_engine_options, tenant_queue_limit, 36);
AT(vial_engine_options, running_limit, 40);
AT(vial_engine_options, step_prompt_tokens, 44);
AT(vial_engine_options, log, 48);
AT(vial_engine_options, log_context, 56);
AT(vial_engine_options, allocate, 64);
AT(vial_engine_options, release, 72);
AT(vial_engine_options, memory_context, 80);
AT(vial_engine_options, reserved, 88);

PIN(engine_info, sizeof(vial_engine_info) == 72);
AT(vial_engine_info, struct_size, 0);
AT(vial_engine_info, thread_count, 4);
AT(vial_engine_info, position_limit, 8);
AT(vial_engine_info, cache_position_count, 16);
AT(vial_engine_info, cache_byte_count, 24);
AT(vial_engine_info, isa, 32);
AT(vial_engine_info, memory_flags, 40);
AT(vial_engine_info, reserved, 44);
AT(vial_engine_info, locked_byte_count, 48);
AT(vial_engine_info, unlocked_byte_count, 56);
AT(vial_engine_info, dumpable_byte_count, 64);

PIN(token_bias, sizeof(vial_token_bias) == 8);
AT(vial_token_bias, token, 0);
AT(vial_token_bias, bias, 4);

PIN(sampling_options, sizeof(vial_sampling_options) == 104);
AT(vial_sampling_options, struct_size, 0);
AT(vial_sampling_options, flags, 4);
AT(vial_sampling_options, temperature, 8);
AT(vial_sampling_options, top_k, 12);
AT(vial_sampling_options, top_p, 16);
AT(vial_sampling_options, min_p, 20);
AT(vial_sampling_options, repetition_penalty, 24);
AT(vial_sampling_options, repetition_scope, 28);
AT(vial_sampling_options, repetition_window, 32);
AT(vial_sampling_options, frequency_penalty, 36);
AT(vial_sampling_options, presence_penalty, 40);
AT(vial_sampling_options, penalty_scope, 44);
AT(vial_sampling_options, penalty_window, 48);
AT(vial_sampling_options, min_tokens, 52);
AT(vial_sampling_options, biases, 56);
AT(vial_sampling_options, bias_count, 64);
AT(vial_sampling_options, banned_tokens, 72);
AT(vial_sampling_options, banned_token_count, 80);
AT(vial_sampling_options, stop_tokens, 88);
AT(vial_sampling_options, stop_token_count, 96);

PIN(message, sizeof(vial_message) == 40);
AT(vial_message, role, 0);
AT(vial_message, content, 16);
AT(vial_message, flags, 32);
AT(vial_message, reserved, 36);

PIN(template_value, sizeof(vial_template_value) == 32);
AT(vial_template_value, name, 0);
AT(vial_template_value, text, 16);

PIN(alternative, sizeof(vial_alternative) == 8);
AT(vial_alternative, token, 0);
AT(vial_alternative, log_probability, 4);

PIN(event, sizeof(vial_event) == 80);
AT(vial_event, struct_size, 0);
AT(vial_event, kind, 4);
AT(vial_event, request, 8);
AT(vial_event, text, 16);
AT(vial_event, part, 32);
AT(vial_event, token, 36);
AT(vial_event, log_probability, 40);
AT(vial_event, entropy, 44);
AT(vial_event, alternatives, 48);
AT(vial_event, alternative_count, 56);
AT(vial_event, finish_reason, 64);
AT(vial_event, status, 68);
AT(vial_event, reserved, 72);

PIN(request_options, sizeof(vial_request_options) == 288);
AT(vial_request_options, struct_size, 0);
AT(vial_request_options, flags, 4);
AT(vial_request_options, text, 8);
AT(vial_request_options, messages, 24);
AT(vial_request_options, message_count, 32);
AT(vial_request_options, message_fields, 40);
AT(vial_request_options, tools, 48);
AT(vial_request_options, tokens, 64);
AT(vial_request_options, token_count, 72);
AT(vial_request_options, template_id, 80);
AT(vial_request_options, template_values, 96);
AT(vial_request_options, template_value_count, 104);
AT(vial_request_options, prefill, 112);
AT(vial_request_options, sampling, 128);
AT(vial_request_options, seed, 136);
AT(vial_request_options, sample_index, 144);
AT(vial_request_options, max_tokens, 148);
AT(vial_request_options, max_reasoning_tokens, 152);
AT(vial_request_options, alternative_count, 156);
AT(vial_request_options, stops, 160);
AT(vial_request_options, stop_count, 168);
AT(vial_request_options, schema, 176);
AT(vial_request_options, choices, 192);
AT(vial_request_options, choice_count, 200);
AT(vial_request_options, adapter, 208);
AT(vial_request_options, adapter_scale, 224);
AT(vial_request_options, priority, 228);
AT(vial_request_options, tenant, 232);
AT(vial_request_options, deadline_milliseconds, 248);
AT(vial_request_options, on_event, 256);
AT(vial_request_options, event_context, 264);
AT(vial_request_options, reserved, 272);

PIN(request_info, sizeof(vial_request_info) == 80);
AT(vial_request_info, struct_size, 0);
AT(vial_request_info, state, 4);
AT(vial_request_info, finish_reason, 8);
AT(vial_request_info, status, 12);
AT(vial_request_info, prompt_token_count, 16);
AT(vial_request_info, computed_prompt_token_count, 24);
AT(vial_request_info, token_count, 32);
AT(vial_request_info, queue_seconds, 40);
AT(vial_request_info, prompt_seconds, 48);
AT(vial_request_info, generation_seconds, 56);
AT(vial_request_info, cached_prompt_token_count, 64);
AT(vial_request_info, preemption_count, 72);

PIN(score_options, sizeof(vial_score_options) == 72);
AT(vial_score_options, struct_size, 0);
AT(vial_score_options, cache_type, 4);
AT(vial_score_options, thread_count, 8);
AT(vial_score_options, adapter_scale, 12);
AT(vial_score_options, adapter, 16);
AT(vial_score_options, isa, 32);
AT(vial_score_options, progress, 40);
AT(vial_score_options, progress_context, 48);
AT(vial_score_options, reserved, 56);

PIN(latency_histogram, sizeof(vial_latency_histogram) == 136);
AT(vial_latency_histogram, counts, 0);
AT(vial_latency_histogram, sum, 128);

PIN(engine_metrics, sizeof(vial_engine_metrics) == 544);
AT(vial_engine_metrics, struct_size, 0);
AT(vial_engine_metrics, reserved, 4);
AT(vial_engine_metrics, submitted_count, 8);
AT(vial_engine_metrics, refused_count, 16);
AT(vial_engine_metrics, finished_counts, 24);
AT(vial_engine_metrics, waiting_count, 152);
AT(vial_engine_metrics, running_count, 160);
AT(vial_engine_metrics, block_count, 168);
AT(vial_engine_metrics, referenced_block_count, 176);
AT(vial_engine_metrics, cached_block_count, 184);
AT(vial_engine_metrics, pinned_block_count, 192);
AT(vial_engine_metrics, eviction_count, 200);
AT(vial_engine_metrics, preemption_count, 208);
AT(vial_engine_metrics, prompt_token_count, 216);
AT(vial_engine_metrics, cached_token_count, 224);
AT(vial_engine_metrics, generated_token_count, 232);
AT(vial_engine_metrics, step_count, 240);
AT(vial_engine_metrics, step_seconds, 248);
AT(vial_engine_metrics, first_token_histogram, 256);
AT(vial_engine_metrics, inter_token_histogram, 392);
AT(vial_engine_metrics, reserved_counts, 528);

IS(VIAL_STATUS_OK, 0);
IS(VIAL_STATUS_INVALID_ARGUMENT, 1);
IS(VIAL_STATUS_INVALID_HANDLE, 2);
IS(VIAL_STATUS_INVALID_STRUCT_SIZE, 3);
IS(VIAL_STATUS_INVALID_UTF8, 4);
IS(VIAL_STATUS_TOO_LONG, 5);
IS(VIAL_STATUS_BUFFER_TOO_SMALL, 6);
IS(VIAL_STATUS_OUT_OF_MEMORY, 7);
IS(VIAL_STATUS_SYSTEM, 8);
IS(VIAL_STATUS_FORMAT, 9);
IS(VIAL_STATUS_UNKNOWN_TOKEN, 10);
IS(VIAL_STATUS_NOT_IN_FILE, 11);
IS(VIAL_STATUS_TEMPLATE, 12);
IS(VIAL_STATUS_NUMERIC, 13);
IS(VIAL_STATUS_CANCELLED, 14);
IS(VIAL_STATUS_FORKED, 15);
IS(VIAL_STATUS_UNSUPPORTED_ISA, 16);
IS(VIAL_STATUS_TOO_MANY_HANDLES, 17);
IS(VIAL_STATUS_UNTRUSTED, 18);
IS(VIAL_STATUS_SCHEMA, 19);
IS(VIAL_STATUS_BUSY, 20);
IS(VIAL_STATUS_CLOSED, 21);
IS(VIAL_STATUS_TIMED_OUT, 22);
IS(VIAL_STATUS_FINISHED, 23);
IS(VIAL_STATUS_IN_CALLBACK, 24);

IS(VIAL_ACCESS_MAPPED, 0);
IS(VIAL_ACCESS_PRIVATE_COPY, 1);

IS(VIAL_VERIFICATION_TABLES, 0);
IS(VIAL_VERIFICATION_LAZY, 1);
IS(VIAL_VERIFICATION_WHOLE, 2);

IS(VIAL_MODEL_HAS_CHAT_TEMPLATE, 1);
IS(VIAL_MODEL_HAS_TIED_EMBEDDING, 2);
IS(VIAL_MODEL_BEGINS_WITH_TOKEN, 4);
IS(VIAL_MODEL_HAS_NOTICE, 8);

IS(VIAL_MODEL_TEXT_ARCHITECTURE, 1);
IS(VIAL_MODEL_TEXT_NAME, 2);
IS(VIAL_MODEL_TEXT_NOTICE, 3);
IS(VIAL_MODEL_TEXT_MODEL_DIGEST, 4);
IS(VIAL_MODEL_TEXT_FILE_DIGEST, 5);

IS(VIAL_CACHE_F16, 0);
IS(VIAL_CACHE_F32, 1);
IS(VIAL_CACHE_INT8, 2);

IS(VIAL_LOG_INFO, 1);
IS(VIAL_LOG_WARNING, 2);

IS(VIAL_ENGINE_NO_SHARING, 1);
IS(VIAL_ENGINE_LOCK_MEMORY, 2);

IS(VIAL_MEMORY_TEXT_UNLOCKED, 1);
IS(VIAL_MEMORY_WORK_UNLOCKED, 2);
IS(VIAL_MEMORY_CACHE_UNLOCKED, 4);
IS(VIAL_MEMORY_DUMPABLE, 8);

IS(VIAL_PENALTY_ANSWER, 0);
IS(VIAL_PENALTY_PROMPT, 1);
IS(VIAL_PENALTY_BOTH, 2);

IS(VIAL_SAMPLING_IGNORE_END, 1);

IS(VIAL_MESSAGE_ALLOW_SPECIAL_TOKENS, 1);

IS(VIAL_EVENT_NONE, 0);
IS(VIAL_EVENT_TOKEN, 1);
IS(VIAL_EVENT_FINISHED, 2);

IS(VIAL_PART_ANSWER, 0);
IS(VIAL_PART_REASONING, 1);

IS(VIAL_FINISH_NONE, 0);
IS(VIAL_FINISH_STOP, 1);
IS(VIAL_FINISH_LENGTH, 2);
IS(VIAL_FINISH_STOP_STRING, 3);
IS(VIAL_FINISH_CANCELLED, 4);
IS(VIAL_FINISH_DEADLINE, 5);
IS(VIAL_FINISH_ERROR, 6);
IS(VIAL_FINISH_BUDGET, 7);

IS(VIAL_REQUEST_RAW, 1);
IS(VIAL_REQUEST_PRIVATE, 2);
IS(VIAL_REQUEST_PINNED, 4);
IS(VIAL_REQUEST_WITHHOLD_REASONING, 8);
IS(VIAL_REQUEST_NO_SCHEMA, 16);
IS(VIAL_REQUEST_ENTROPY, 32);
IS(VIAL_REQUEST_SCORE_PROMPT, 64);

IS(VIAL_STATE_WAITING, 0);
IS(VIAL_STATE_RUNNING, 1);
IS(VIAL_STATE_FINISHED, 2);

IS(VIAL_ENCODE_ADD_SPECIAL_TOKENS, 1);
IS(VIAL_ENCODE_ALLOW_SPECIAL_TOKENS, 2);

IS(VIAL_DECODE_SKIP_SPECIAL_TOKENS, 1);

IS(VIAL_TEMPLATE_TEXT_ID, 1);
IS(VIAL_TEMPLATE_TEXT_VERSION, 2);
IS(VIAL_TEMPLATE_TEXT_TASK, 3);
IS(VIAL_TEMPLATE_TEXT_LANGUAGE, 4);
IS(VIAL_TEMPLATE_TEXT_TITLE, 5);
IS(VIAL_TEMPLATE_TEXT_SCHEMA, 6);
IS(VIAL_TEMPLATE_TEXT_VARIABLES, 7);
IS(VIAL_TEMPLATE_TEXT_DECLARATIONS, 8);

/* Limits that callers size buffers by. */
IS(VIAL_STACK_BYTE_COUNT, 65536u);
IS(VIAL_CALLBACK_STACK_BYTE_COUNT, 1048576u);
IS(VIAL_HANDLE_LIMIT, 65535u);
IS(VIAL_TRUSTED_KEY_LIMIT, 64u);
IS(VIAL_TOKEN_NONE, 0xFFFFFFFFu);
IS(VIAL_ADAPTER_NAME_LIMIT, 255u);
IS(VIAL_THREAD_LIMIT, 1024u);
IS(VIAL_RUNNING_LIMIT, 4096u);
IS(VIAL_TENANT_BYTE_LIMIT, 256u);
IS(VIAL_TOKEN_RULE_LIMIT, 1024u);
IS(VIAL_TEMPLATE_VALUE_LIMIT, 64u);
IS(VIAL_STOP_COUNT_LIMIT, 16u);
IS(VIAL_STOP_BYTE_LIMIT, 256u);
IS(VIAL_PREFILL_BYTE_LIMIT, 16384u);
IS(VIAL_ALTERNATIVE_LIMIT, 20u);
IS(VIAL_SCHEMA_BYTE_LIMIT, 262144u);
IS(VIAL_SCHEMA_WORK_LIMIT, 8388608u);
IS(VIAL_SCHEMA_MEMORY_LIMIT, 67108864u);
IS(VIAL_CHOICE_COUNT_LIMIT, 1024u);
IS(VIAL_CHOICE_BYTE_LIMIT, 1024u);
IS(VIAL_REASONING_NONE, 0xFFFFFFFFu);
IS(VIAL_ANSWER_NONE, 0xFFFFFFFFu);
IS(VIAL_WAIT_FOREVER, 0xFFFFFFFFu);
IS(VIAL_TEXT_BYTE_LIMIT, 16777216u);
IS(VIAL_TOKEN_COUNT_LIMIT, 16777216u);
IS(VIAL_MESSAGE_COUNT_LIMIT, 65536u);
IS(VIAL_TEMPLATE_WORK_LIMIT, 67108864u);
IS(VIAL_TOKENIZER_WORK_PER_BYTE, 192u);
IS(VIAL_TOKENIZER_WORK_LEAST, 1000000u);
IS(VIAL_LATENCY_BUCKET_COUNT, 16u);
IS(VIAL_FINISH_REASON_CAPACITY, 16u);
