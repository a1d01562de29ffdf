"""Owns: what libvial does with a case, through its C functions alone. Must not: judge it.

Structs and signatures are those of the Python binding, which are compared with a C compiler's.
"""

import contextlib
import ctypes as c
import math
import os
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python" / "src"))
from vial import _structs as s  # noqa: E402
from vial._constants import FinishReason, Part, Status  # noqa: E402
from vial._library import library as lib  # noqa: E402

FOREVER = 0xFFFFFFFF
TEXT_FIELDS = ("template_id", "prefill", "schema", "adapter", "tenant")
NUMBER_FIELDS = ("flags", "sample_index", "max_tokens", "max_reasoning_tokens", "alternative_count",
                 "adapter_scale", "priority", "deadline_milliseconds")
SAMPLING_FIELDS = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "frequency_penalty",
                   "presence_penalty", "min_tokens")
PROGRESS = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_uint64, c.c_uint64)
CALLBACK = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p)


class Refused(Exception):
    """A call that did not return VIAL_STATUS_OK: `fields` is what a case expects then."""

    def __init__(self, status, error=None):
        super().__init__(status)
        self.status = status
        self.fields = {"expect_status": name_of(status)}
        if error is not None:
            for field in ("rule", "system_code", "byte_offset"):
                if getattr(error, field):
                    self.fields["expect_" + field] = getattr(error, field)


def name_of(status):
    return lib.vial_status_name(status).decode()


def reason_of(number):
    return FinishReason(number).name.lower()


def initial(name):
    value = s.INITIAL[name]()
    status = getattr(lib, f"vial_{name}_init")(c.byref(value), c.sizeof(value))
    assert status == 0, name
    return value


class Call:
    """Memory of one call's arguments, and its error."""

    def __init__(self):
        self.kept, self.error = [], initial("error")

    def text(self, value):
        data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
        buffer = c.create_string_buffer(data, len(data) + 1)
        self.kept.append(buffer)
        return s.Text(c.addressof(buffer), len(data))

    def array(self, kind, values):
        array = (kind * max(1, len(values)))(*values)
        self.kept.append(array)
        return c.addressof(array)

    def check(self, status):
        if status:
            raise Refused(status, self.error)

    def filled(self, kind, function, *arguments, with_error=True):
        """What a function fills a buffer with: asked for its size first."""
        count = c.c_uint64()
        last = (c.byref(self.error),) if with_error else ()
        status = function(*arguments, None, 0, c.byref(count), *last)
        if status not in (Status.OK, Status.BUFFER_TOO_SMALL):
            raise Refused(status, self.error)
        buffer = (kind * max(1, count.value))()
        self.check(function(*arguments, buffer, count.value, c.byref(count), *last))
        return c.string_at(buffer, count.value) if kind is c.c_char else list(buffer[:count.value])


def prompt_text(case):
    return bytes.fromhex(case["text_hex"]) if "text_hex" in case else case["text"]


@contextlib.contextmanager
def located(case):
    """The path that a case opens."""
    path = ROOT / case["file"] if not case.get("absolute") else case["file"]
    with tempfile.TemporaryDirectory() as folder:
        if "copy_as" in case:
            data = path.read_bytes()
            path = pathlib.Path(folder) / case["copy_as"]
            path.write_bytes(data[:case.get("cut_to", len(data))])
        yield os.fsencode(path)


@contextlib.contextmanager
def opened(case):
    call, options, model = Call(), initial("model_options"), c.c_void_p()
    options.access, options.verification = case.get("access", 0), case.get("verification", 0)
    if "trusted_keys" in case:
        keys = bytes.fromhex("".join(case["trusted_keys"]))
        options.trusted_keys, options.trusted_key_count = call.text(keys).data, len(case["trusted_keys"])
    with located(case) as path:
        call.check(lib.vial_model_open(path, c.byref(options), c.byref(model), c.byref(call.error)))
        try:
            yield model
        finally:
            lib.vial_model_close(model)


@contextlib.contextmanager
def computing(case):
    with opened(case) as model:
        call, options, engine = Call(), initial("engine_options"), c.c_void_p()
        for field in ("thread_count", "cache_type", "queue_limit", "running_limit"):
            setattr(options, field, case.get(field, 0))
        if "isa" in case:
            options.isa = case["isa"].encode()
        call.check(lib.vial_engine_open(model, c.byref(options), c.byref(engine), c.byref(call.error)))
        try:
            yield model, engine
        finally:
            lib.vial_engine_close(engine)


def sampling_of(case, model, call):
    """The case's sampling; None when it states nothing of it."""
    lists = ("bias_tokens", "banned_tokens", "stop_tokens", "sampling_flags")
    if not any(field in case for field in SAMPLING_FIELDS + lists):
        return None
    sampling = initial("sampling_options")
    template = call.text(case["template_id"]) if "template_id" in case else s.Text()
    call.check(lib.vial_model_get_sampling(model, template, c.byref(sampling), c.byref(call.error)))
    for field in SAMPLING_FIELDS:
        if field in case:
            setattr(sampling, field, case[field])
    sampling.flags = case.get("sampling_flags", 0)
    biases = [s.TokenBias(*pair) for pair in zip(case.get("bias_tokens", []), case.get("bias_values", []))]
    sampling.biases, sampling.bias_count = call.array(s.TokenBias, biases), len(biases)
    for field in ("banned_token", "stop_token"):
        ids = case.get(field + "s", [])
        setattr(sampling, field + "s", call.array(c.c_uint32, ids))
        setattr(sampling, field + "_count", len(ids))
    return sampling


def submitted(case, model, engine, callback=None):
    """The request's handle."""
    call, options, request = Call(), initial("request_options"), c.c_void_p()
    if "text" in case or "text_hex" in case:
        options.text = call.text(prompt_text(case))
    if "roles" in case:
        messages = [s.Message(call.text(role), call.text(content), 0, 0)
                    for role, content in zip(case["roles"], case["contents"])]
        options.messages, options.message_count = call.array(s.Message, messages), len(messages)
    if "tokens" in case:
        options.tokens, options.token_count = call.array(c.c_uint32, case["tokens"]), len(case["tokens"])
    values = [s.TemplateValue(call.text(name), call.text(text))
              for name, text in zip(case.get("value_names", []), case.get("value_texts", []))]
    if values:
        options.template_values, options.template_value_count = call.array(s.TemplateValue, values), len(values)
    for field in TEXT_FIELDS:
        if case.get(field):
            setattr(options, field, call.text(case[field]))
    for field in NUMBER_FIELDS:
        if field in case:
            setattr(options, field, case[field])
    options.seed = int(case.get("seed", "0"))
    for field, count in (("stops", "stop_count"), ("choices", "choice_count")):
        if field in case:
            texts = [call.text(text) for text in case[field]]
            setattr(options, field, call.array(s.Text, texts))
            setattr(options, count, len(texts))
    sampling = sampling_of(case, model, call)
    if sampling is not None:
        options.sampling = c.addressof(sampling)
    if callback is not None:
        options.on_event = c.cast(callback, c.c_void_p)
    call.check(lib.vial_engine_submit(engine, c.byref(options), c.byref(request), c.byref(call.error)))
    return request


def number(value):
    """A float for JSON, which has no NaN."""
    return None if math.isnan(value) else value


def prompt_scores(call, request, token_count):
    """What the model says of a prompt's own tokens."""
    scores = call.filled(c.c_float, lib.vial_request_copy_prompt_scores, request, with_error=False)
    likely = [call.filled(s.Alternative, lib.vial_request_copy_prompt_alternatives, request, index, with_error=False)
              for index in range(token_count)]
    return {"expect_prompt_scores": [number(score) for score in scores],
            "expect_prompt_alternatives": [item.token for items in likely for item in items]}


def finished(case, request):
    """What a request's events say, to the last, and what is read of it then. Closes it."""
    event, call = initial("event"), Call()
    texts, logs, entropies, alternatives = [b"", b""], [], [], []
    while True:
        call.check(lib.vial_request_next_event(request, FOREVER, c.byref(event)))
        texts[event.part] += c.string_at(event.text.data, event.text.length) if event.text.length else b""
        if event.kind == 2:
            break
        if len(logs) + 1 == case.get("cancel_after"):
            call.check(lib.vial_request_cancel(request))
        logs.append(number(event.log_probability))
        entropies.append(number(event.entropy))
        likely = (s.Alternative * event.alternative_count).from_address(event.alternatives or c.addressof(event))
        alternatives.append([item.token for item in likely] if event.alternative_count else [])
    info = initial("request_info")
    call.check(lib.vial_request_get_info(request, c.byref(info)))
    copies = [call.filled(c.c_char, lib.vial_request_copy_text, request, part, with_error=False) for part in Part]
    assert copies == texts, case["name"]
    fields = {"expect_status": "VIAL_STATUS_OK", "expect_finish_reason": reason_of(event.finish_reason)}
    if event.status:
        fields["expect_finish_status"] = name_of(event.status)
    if event.finish_reason in (FinishReason.CANCELLED, FinishReason.DEADLINE):
        lib.vial_request_close(request)
        return fields
    fields["expect_text"], fields["expect_reasoning"] = (text.decode() for text in texts)
    fields["expect_tokens"] = call.filled(c.c_uint32, lib.vial_request_copy_tokens, request, with_error=False)
    fields["expect_prompt_token_count"] = info.prompt_token_count
    if case.get("alternative_count"):
        fields["expect_first_alternatives"] = alternatives[0]
    if case.get("flags") == 32:
        fields["expect_entropies"] = entropies
    if len(logs) <= 8:
        fields["expect_log_probabilities"] = logs
    if case.get("flags") == 64:
        fields.update(prompt_scores(call, request, info.prompt_token_count))
    lib.vial_request_close(request)
    return fields
