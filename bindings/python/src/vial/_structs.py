"""Owns: the structs of Include/vial.h as ctypes lays them out. Must not: call the library.

Field names are the header's. tests/test_layout.py compares sizes and offsets with a C compiler's.
"""

from __future__ import annotations

import ctypes as c

u32, i32, u64, f32, f64 = c.c_uint32, c.c_int32, c.c_uint64, c.c_float, c.c_double
pointer = c.c_void_p


class Text(c.Structure):
    """vial_text."""

    _fields_ = [("data", pointer), ("length", u64)]


class Error(c.Structure):
    """vial_error."""

    _fields_ = [
        ("struct_size", u32), ("status", i32), ("rule", u32), ("system_code", i32),
        ("byte_offset", u64), ("message", c.c_char * 264)]


class ModelOptions(c.Structure):
    """vial_model_options."""

    _fields_ = [
        ("struct_size", u32), ("access", u32), ("verification", u32), ("reserved", u32),
        ("trusted_keys", pointer), ("trusted_key_count", u64)]


class ModelInfo(c.Structure):
    """vial_model_info."""

    _fields_ = [
        ("struct_size", u32), ("flags", u32), ("parameter_count", u64),
        ("weights_byte_count", u64), ("file_byte_count", u64), ("layer_count", u32),
        ("hidden_size", u32), ("feed_forward_size", u32), ("head_count", u32),
        ("key_value_head_count", u32), ("head_dimension", u32), ("vocabulary_size", u32),
        ("token_count", u32), ("context_length", u32), ("score_window", u32),
        ("begin_token", u32), ("adapter_count", u32), ("model_digest", c.c_uint8 * 32),
        ("file_digest", c.c_uint8 * 32)]


class AdapterInfo(c.Structure):
    """vial_adapter_info."""

    _fields_ = [
        ("struct_size", u32), ("rank", u32), ("target_count", u32), ("reserved", u32),
        ("parameter_count", u64), ("byte_count", u64), ("digest", c.c_uint8 * 32)]


class VerifyOptions(c.Structure):
    """vial_verify_options."""

    _fields_ = [
        ("struct_size", u32), ("thread_count", u32), ("progress", pointer),
        ("progress_context", pointer), ("reserved", u64)]


class EngineOptions(c.Structure):
    """vial_engine_options."""

    _fields_ = [
        ("struct_size", u32), ("flags", u32), ("cache_type", u32), ("thread_count", u32),
        ("cache_byte_limit", u64), ("isa", c.c_char_p), ("queue_limit", u32),
        ("tenant_queue_limit", u32), ("running_limit", u32), ("step_prompt_tokens", u32),
        ("log", pointer), ("log_context", pointer), ("allocate", pointer),
        ("release", pointer), ("memory_context", pointer), ("reserved", u64)]


class EngineInfo(c.Structure):
    """vial_engine_info."""

    _fields_ = [
        ("struct_size", u32), ("thread_count", u32), ("position_limit", u64),
        ("cache_position_count", u64), ("cache_byte_count", u64), ("isa", c.c_char_p),
        ("memory_flags", u32), ("reserved", u32), ("locked_byte_count", u64),
        ("unlocked_byte_count", u64), ("dumpable_byte_count", u64)]


class TokenBias(c.Structure):
    """vial_token_bias."""

    _fields_ = [("token", u32), ("bias", f32)]


class SamplingOptions(c.Structure):
    """vial_sampling_options."""

    _fields_ = [
        ("struct_size", u32), ("flags", u32), ("temperature", f32), ("top_k", u32),
        ("top_p", f32), ("min_p", f32), ("repetition_penalty", f32),
        ("repetition_scope", u32), ("repetition_window", u32), ("frequency_penalty", f32),
        ("presence_penalty", f32), ("penalty_scope", u32), ("penalty_window", u32),
        ("min_tokens", u32), ("biases", pointer), ("bias_count", u64),
        ("banned_tokens", pointer), ("banned_token_count", u64), ("stop_tokens", pointer),
        ("stop_token_count", u64)]


class Message(c.Structure):
    """vial_message."""

    _fields_ = [("role", Text), ("content", Text), ("flags", u32), ("reserved", u32)]


class TemplateValue(c.Structure):
    """vial_template_value."""

    _fields_ = [("name", Text), ("text", Text)]


class Alternative(c.Structure):
    """vial_alternative."""

    _fields_ = [("token", u32), ("log_probability", f32)]


class Event(c.Structure):
    """vial_event."""

    _fields_ = [
        ("struct_size", u32), ("kind", u32), ("request", pointer), ("text", Text),
        ("part", u32), ("token", u32), ("log_probability", f32), ("entropy", f32),
        ("alternatives", pointer), ("alternative_count", u64), ("finish_reason", u32),
        ("status", i32), ("reserved", u64)]


# The same in one call of struct.unpack_from, which is what a token costs.
EVENT_FORMAT = "=IIQQQIIffQQIiQ"


class RequestOptions(c.Structure):
    """vial_request_options."""

    _fields_ = [
        ("struct_size", u32), ("flags", u32), ("text", Text), ("messages", pointer),
        ("message_count", u64), ("message_fields", pointer), ("tools", Text),
        ("tokens", pointer), ("token_count", u64), ("template_id", Text),
        ("template_values", pointer), ("template_value_count", u64), ("prefill", Text),
        ("sampling", pointer), ("seed", u64), ("sample_index", u32), ("max_tokens", u32),
        ("max_reasoning_tokens", u32), ("alternative_count", u32), ("stops", pointer),
        ("stop_count", u64), ("schema", Text), ("choices", pointer), ("choice_count", u64),
        ("adapter", Text), ("adapter_scale", f32), ("priority", i32), ("tenant", Text),
        ("deadline_milliseconds", u64), ("on_event", pointer), ("event_context", pointer),
        ("reserved", u64 * 2)]


class RequestInfo(c.Structure):
    """vial_request_info."""

    _fields_ = [
        ("struct_size", u32), ("state", u32), ("finish_reason", u32), ("status", i32),
        ("prompt_token_count", u64), ("computed_prompt_token_count", u64),
        ("token_count", u64), ("queue_seconds", f64), ("prompt_seconds", f64),
        ("generation_seconds", f64), ("cached_prompt_token_count", u64),
        ("preemption_count", u64)]


class ScoreOptions(c.Structure):
    """vial_score_options."""

    _fields_ = [
        ("struct_size", u32), ("cache_type", u32), ("thread_count", u32),
        ("adapter_scale", f32), ("adapter", Text), ("isa", c.c_char_p),
        ("progress", pointer), ("progress_context", pointer), ("reserved", u64 * 2)]


class LatencyHistogram(c.Structure):
    """vial_latency_histogram."""

    _fields_ = [("counts", u64 * 16), ("sum", f64)]


class EngineMetrics(c.Structure):
    """vial_engine_metrics."""

    _fields_ = [
        ("struct_size", u32), ("reserved", u32), ("submitted_count", u64),
        ("refused_count", u64), ("finished_counts", u64 * 16), ("waiting_count", u64),
        ("running_count", u64), ("block_count", u64), ("referenced_block_count", u64),
        ("cached_block_count", u64), ("pinned_block_count", u64), ("eviction_count", u64),
        ("preemption_count", u64), ("prompt_token_count", u64), ("cached_token_count", u64),
        ("generated_token_count", u64), ("step_count", u64), ("step_seconds", f64),
        ("first_token_histogram", LatencyHistogram),
        ("inter_token_histogram", LatencyHistogram), ("reserved_counts", u64 * 2)]


# Structs that begin with struct_size, by the C name without "vial_".
INITIAL = {
    "error": Error, "model_options": ModelOptions, "model_info": ModelInfo,
    "adapter_info": AdapterInfo, "verify_options": VerifyOptions,
    "engine_options": EngineOptions, "engine_info": EngineInfo,
    "sampling_options": SamplingOptions, "event": Event, "request_options": RequestOptions,
    "request_info": RequestInfo, "score_options": ScoreOptions,
    "engine_metrics": EngineMetrics}
# The others.
PLAIN = {
    "text": Text, "token_bias": TokenBias, "message": Message, "template_value": TemplateValue,
    "alternative": Alternative, "latency_histogram": LatencyHistogram}
