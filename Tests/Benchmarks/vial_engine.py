"""Owns: libvial's engine for Python, as much of Include/vial.h as load_test.py needs. Must not: measure.

Structs are filled by the library's vial_..._init functions, so that no default is written twice; the library refuses
them when a size here is not the header's.
"""
import ctypes as c

FOREVER = 0xFFFFFFFF
OK, BUSY = 0, 20
TOKEN, FINISHED = 1, 2
ABI = 1


class Text(c.Structure):
    _fields_ = [("data", c.c_char_p), ("length", c.c_uint64)]

    @classmethod
    def of(cls, data):
        return cls(data, len(data)) if data else cls()


class EngineOptions(c.Structure):
    _fields_ = [(n, c.c_uint32) for n in ("struct_size", "flags", "cache_type", "thread_count")] + [
        ("cache_byte_limit", c.c_uint64), ("isa", c.c_char_p)] + [
        (n, c.c_uint32) for n in ("queue_limit", "tenant_queue_limit", "running_limit", "step_prompt_tokens")] + [
        (n, c.c_void_p) for n in ("log", "log_context", "allocate", "release", "memory_context")] + [
        ("reserved", c.c_uint64)]


class SamplingOptions(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32), ("flags", c.c_uint32), ("temperature", c.c_float), ("top_k", c.c_uint32),
        ("top_p", c.c_float), ("min_p", c.c_float), ("repetition_penalty", c.c_float),
        ("repetition_scope", c.c_uint32), ("repetition_window", c.c_uint32), ("frequency_penalty", c.c_float),
        ("presence_penalty", c.c_float), ("penalty_scope", c.c_uint32), ("penalty_window", c.c_uint32),
        ("min_tokens", c.c_uint32), ("biases", c.c_void_p), ("bias_count", c.c_uint64),
        ("banned_tokens", c.c_void_p), ("banned_token_count", c.c_uint64), ("stop_tokens", c.c_void_p),
        ("stop_token_count", c.c_uint64)]


class RequestOptions(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32), ("flags", c.c_uint32), ("text", Text), ("messages", c.c_void_p),
        ("message_count", c.c_uint64), ("message_fields", c.c_void_p), ("tools", Text),
        ("tokens", c.POINTER(c.c_uint32)), ("token_count", c.c_uint64), ("template_id", Text), ("template_values", c.c_void_p), ("template_value_count", c.c_uint64),
        ("prefill", Text), ("sampling", c.POINTER(SamplingOptions)), ("seed", c.c_uint64),
        ("sample_index", c.c_uint32), ("max_tokens", c.c_uint32), ("max_reasoning_tokens", c.c_uint32),
        ("alternative_count", c.c_uint32), ("stops", c.POINTER(Text)), ("stop_count", c.c_uint64), ("schema", Text),
        ("choices", c.POINTER(Text)), ("choice_count", c.c_uint64), ("adapter", Text), ("adapter_scale", c.c_float),
        ("priority", c.c_int32), ("tenant", Text), ("deadline_milliseconds", c.c_uint64), ("on_event", c.c_void_p),
        ("event_context", c.c_void_p), ("reserved", c.c_uint64 * 2)]


class Event(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32), ("kind", c.c_uint32), ("request", c.c_void_p), ("text", c.c_void_p),
        ("text_length", c.c_uint64), ("part", c.c_uint32), ("token", c.c_uint32), ("log_probability", c.c_float),
        ("entropy", c.c_float), ("alternatives", c.c_void_p), ("alternative_count", c.c_uint64),
        ("finish_reason", c.c_uint32), ("status", c.c_int32), ("reserved", c.c_uint64)]


class Histogram(c.Structure):
    _fields_ = [("counts", c.c_uint64 * 16), ("sum", c.c_double)]


class Metrics(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("reserved", c.c_uint32), ("submitted", c.c_uint64),
                ("refused", c.c_uint64), ("finished", c.c_uint64 * 16)] + [
        (n, c.c_uint64) for n in ("waiting", "running", "blocks", "held", "kept", "pinned", "evictions",
                                  "preemptions", "prompt_tokens", "cached_tokens", "generated_tokens", "steps")] + [
        ("step_seconds", c.c_double), ("first_token", Histogram), ("token", Histogram),
        ("reserved_counts", c.c_uint64 * 2)]


INITIAL = {EngineOptions: "engine_options", SamplingOptions: "sampling_options", RequestOptions: "request_options",
           Event: "event", Metrics: "engine_metrics"}


class Engine:
    """One engine over one model, read through its common queue of events."""

    def __init__(self, library, path, **options):
        self.library = c.CDLL(library)
        if self.library.vial_abi_version() != ABI:
            raise RuntimeError(f"{library} has ABI {self.library.vial_abi_version()}, not {ABI}")
        self.model, self.engine = c.c_void_p(), c.c_void_p()
        self.check(self.library.vial_model_open(path.encode(), None, c.byref(self.model), None))
        settings = self.initial(EngineOptions, **options)
        self.check(self.library.vial_engine_open(self.model, c.byref(settings), c.byref(self.engine), None))
        self.greedy = self.initial(SamplingOptions)
        self.check(self.library.vial_model_get_sampling(self.model, Text(), c.byref(self.greedy), None))
        self.greedy.temperature = 0

    @staticmethod
    def check(status):
        if status != OK:
            raise RuntimeError(f"status {status}")

    def initial(self, structure, **fields):
        """A struct with the library's defaults and these fields."""
        value = structure()
        initialize = getattr(self.library, f"vial_{INITIAL[structure]}_init")
        self.check(initialize(c.byref(value), c.c_uint32(c.sizeof(value))))
        for name, field in fields.items():
            setattr(value, name, field)
        return value

    def submit(self, tokens, max_tokens, tenant=b"", flags=0, adapter=b""):
        """The new request's handle; None when the queue is full."""
        ids = (c.c_uint32 * len(tokens))(*tokens)
        options = self.initial(
            RequestOptions, flags=flags, tokens=ids, token_count=len(tokens), max_tokens=max_tokens,
            sampling=c.pointer(self.greedy), tenant=Text.of(tenant), adapter=Text.of(adapter))
        request = c.c_void_p()
        status = self.library.vial_engine_submit(self.engine, c.byref(options), c.byref(request), None)
        if status == BUSY:
            return None
        self.check(status)
        return request.value

    def next_event(self, milliseconds=FOREVER):
        """(handle, kind), or None when there was none in time."""
        event = self.initial(Event)
        status = self.library.vial_engine_next_event(self.engine, c.c_uint32(milliseconds), c.byref(event))
        return (event.request, event.kind) if status == OK else None

    def close_request(self, request):
        self.library.vial_request_close(c.c_void_p(request))

    def metrics(self):
        metrics = self.initial(Metrics)
        self.check(self.library.vial_engine_get_metrics(self.engine, c.byref(metrics)))
        return metrics

    def close(self):
        self.check(self.library.vial_engine_close(self.engine))
        self.library.vial_model_close(self.model)
