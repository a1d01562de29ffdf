"""Owns: libvial's engine for Python, as much of Include/vial.h as load_test.py needs. Must not: measure."""
import ctypes as c

FOREVER = 0xFFFFFFFF
OK, BUSY = 0, 20
TOKEN, FINISHED = 1, 2


class EngineOptions(c.Structure):
    _fields_ = [(n, c.c_uint32) for n in ("struct_size", "cache_type", "thread_count", "queue_limit")] + [
        ("cache_byte_limit", c.c_uint64), ("isa", c.c_char_p), ("log", c.c_void_p), ("log_context", c.c_void_p),
        ("allocate", c.c_void_p), ("release", c.c_void_p), ("memory_context", c.c_void_p)] + [
        (n, c.c_uint32) for n in ("running_limit", "step_prompt_tokens", "flags", "tenant_queue_limit")]


class RequestOptions(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32), ("flags", c.c_uint32), ("text", c.c_char_p), ("text_length", c.c_uint64),
        ("messages", c.c_void_p), ("message_count", c.c_uint64), ("tokens", c.POINTER(c.c_uint32)),
        ("token_count", c.c_uint64), ("max_tokens", c.c_uint32), ("given", c.c_uint32), ("temperature", c.c_float),
        ("top_k", c.c_uint32), ("top_p", c.c_float), ("min_p", c.c_float), ("repetition_penalty", c.c_float),
        ("alternative_count", c.c_uint32), ("seed", c.c_uint64), ("stops", c.c_void_p), ("stop_count", c.c_uint64),
        ("deadline_milliseconds", c.c_uint64), ("on_event", c.c_void_p), ("context", c.c_void_p),
        ("tenant", c.c_char_p), ("tenant_length", c.c_uint64), ("priority", c.c_int32), ("reserved", c.c_uint32),
        ("adapter", c.c_char_p), ("adapter_length", c.c_uint64), ("adapter_scale", c.c_float),
        ("adapter_reserved", c.c_uint32)]


class Event(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32), ("kind", c.c_uint32), ("request", c.c_void_p), ("text", c.c_void_p),
        ("text_length", c.c_uint64), ("part", c.c_uint32), ("token", c.c_uint32), ("log_probability", c.c_float),
        ("alternative_count", c.c_uint32), ("alternatives", c.c_void_p), ("finish_reason", c.c_uint32),
        ("status", c.c_int32)]


class Latencies(c.Structure):
    _fields_ = [("counts", c.c_uint64 * 16), ("sum", c.c_double)]


class Metrics(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("reserved", c.c_uint32), ("submitted", c.c_uint64),
                ("refused", c.c_uint64), ("finished", c.c_uint64 * 16)] + [
        (n, c.c_uint64) for n in ("waiting", "running", "blocks", "held", "kept", "pinned", "evictions",
                                  "preemptions", "prompt_tokens", "cached_tokens", "generated_tokens", "steps")] + [
        ("step_seconds", c.c_double), ("first_token", Latencies), ("token", Latencies)]


class Engine:
    """One engine over one model, read through its common queue of events."""

    def __init__(self, library, path, **options):
        self.library = c.CDLL(library)
        self.model, self.engine = c.c_void_p(), c.c_void_p()
        self.check(self.library.vial_model_open(path.encode(), None, c.byref(self.model), None))
        settings = EngineOptions(struct_size=c.sizeof(EngineOptions), **options)
        self.check(self.library.vial_engine_open(self.model, c.byref(settings), c.byref(self.engine), None))

    @staticmethod
    def check(status):
        if status != OK:
            raise RuntimeError(f"status {status}")

    def submit(self, tokens, max_tokens, tenant=b"", flags=0, adapter=b""):
        """The new request's handle; None when the queue is full."""
        ids = (c.c_uint32 * len(tokens))(*tokens)
        options = RequestOptions(
            struct_size=c.sizeof(RequestOptions), flags=flags, tokens=ids, token_count=len(tokens),
            max_tokens=max_tokens, given=1, temperature=0, tenant=tenant, tenant_length=len(tenant),
            adapter=adapter, adapter_length=len(adapter))
        request = c.c_void_p()
        status = self.library.vial_engine_submit(self.engine, c.byref(options), c.byref(request), None)
        if status == BUSY:
            return None
        self.check(status)
        return request.value

    def next_event(self, milliseconds=FOREVER):
        """(handle, kind), or None when there was none in time."""
        event = Event(struct_size=c.sizeof(Event))
        status = self.library.vial_engine_next_event(self.engine, c.c_uint32(milliseconds), c.byref(event))
        return (event.request, event.kind) if status == OK else None

    def close_request(self, request):
        self.library.vial_request_close(c.c_void_p(request))

    def metrics(self):
        metrics = Metrics(struct_size=c.sizeof(Metrics))
        self.check(self.library.vial_engine_get_metrics(self.engine, c.byref(metrics)))
        return metrics

    def close(self):
        self.check(self.library.vial_engine_close(self.engine))
        self.library.vial_model_close(self.model)
