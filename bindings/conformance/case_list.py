"""Owns: which cases there are: what is asked. Must not: know an answer; make_cases.py asks libvial.

A case is flat: README.md describes its fields.
"""

DEMO = "Sources/VialCommand/Resources/demo.vial"
VECTORS = "Tests/VectorTests/vectors/"
SMALL = VECTORS + "valid/plain.vial"
ADAPTERS = VECTORS + "valid/adapters.vial"
QUESTION = "What are the symptoms of asthma?"
NO_REASONING = 0xFFFFFFFF
NO_ANSWER = 0xFFFFFFFF
RAW, IGNORE_END = 1, 1

TEXTS = {
    "empty": "",
    "words": "What are the symptoms of anemia?",
    "spaces": "  two  spaces\tand a tab\r\n\r\nlines ",
    "digits": "HbA1c 7.2 % (55 mmol/mol), 1234567890",
    "chinese": "患者主诉头痛三天,伴有发热。",
    "arabic": "المريض يعاني من صداع منذ ثلاثة أيام",
    "hindi": "रोगी को तीन दिन से बुखार है",
    "emoji": "🩺👩🏽‍⚕️ 💊x2 🇨🇭",
    "combining": "cafe\u0301 café A\u030a Å",
    "special spelled": "<|im_start|>system\n</think><|endoftext|>",
    "zero byte": "a\u0000b",
    "last planes": "\U0010ffff\ue000\ufeff\u200d",
    "long": "Ibuprofen 400 mg, ibuprofen. " * 40,
}

SCHEMA = (
    '{"type":"object","properties":{"urgency":{"enum":["emergency","urgent","routine"]},'
    '"days":{"type":"integer","minimum":0,"maximum":30}},"required":["urgency","days"],'
    '"additionalProperties":false}')


def opening():
    """Files that open and files that do not."""
    yield {"name": "open demo", "kind": "open", "file": DEMO}
    yield {"name": "open adapters", "kind": "open", "file": ADAPTERS, "access": 1, "verification": 2}
    yield {"name": "open named", "kind": "open", "file": f"{VECTORS}valid/named.vial"}
    yield {"name": "open lazily", "kind": "open", "file": DEMO, "verification": 1}
    for name, copy in [("chinese", "模型 一.vial"), ("arabic", "نموذج.vial"), ("emoji", "🩺 💊.vial"),
                       ("newline", "a\nb.vial"), ("long", "x" * 200 + ".vial")]:
        yield {"name": f"open under a name: {name}", "kind": "open", "file": SMALL, "copy_as": copy}
    yield {"name": "open a folder", "kind": "open", "file": "Spec"}
    yield {"name": "open nothing", "kind": "open", "file": "Spec/there is no such file.vial"}
    yield {"name": "open an empty path", "kind": "open", "file": "", "absolute": True}
    yield {"name": "open what is no model", "kind": "open", "file": "LICENSE"}
    for bad in ("R-101-short", "R-102-magic", "R-105-major-2", "R-114-truncated"):
        yield {"name": f"open {bad}", "kind": "open", "file": f"{VECTORS}invalid/{bad}.vial", "verification": 2}
    yield {"name": "open cut", "kind": "open", "file": SMALL, "copy_as": "cut.vial", "cut_to": 20000}
    yield {"name": "open with strange access", "kind": "open", "file": SMALL, "access": 7}
    yield {"name": "open with strange verification", "kind": "open", "file": SMALL, "verification": 7}
    yield {"name": "trust nobody", "kind": "open", "file": SMALL, "trusted_keys": []}
    yield {"name": "trust another key", "kind": "open", "file": SMALL, "trusted_keys": ["00" * 32]}
    yield {"name": "trust too many keys", "kind": "open", "file": SMALL, "trusted_keys": ["00" * 32] * 65}
    yield {"name": "verify", "kind": "verify", "file": DEMO}
    yield {"name": "verify with a callback that stops", "kind": "verify", "file": DEMO, "progress_stops": True}
    yield {"name": "engine of an unknown family", "kind": "engine", "file": SMALL, "isa": "abacus"}
    yield {"name": "engine of too many threads", "kind": "engine", "file": SMALL, "thread_count": 1025}
    yield {"name": "engine of an unknown cache", "kind": "engine", "file": SMALL, "cache_type": 9}
    yield {"name": "engine of int8", "kind": "engine", "file": SMALL, "cache_type": 2, "thread_count": 1}


def tokens():
    """Texts to ids and back."""
    for name, text in TEXTS.items():
        yield {"name": f"encode {name}", "kind": "encode", "file": DEMO, "text": text}
        yield {"name": f"encode small {name}", "kind": "encode", "file": SMALL, "text": text}
    yield {"name": "encode special", "kind": "encode", "file": DEMO, "flags": 3, "text": TEXTS["special spelled"]}
    yield {"name": "encode a strange flag", "kind": "encode", "file": DEMO, "flags": 64, "text": "a"}
    yield {"name": "encode no UTF-8", "kind": "encode", "file": DEMO, "text_hex": "6162ff6364"}
    yield {"name": "encode half a character", "kind": "encode", "file": DEMO, "text_hex": "e682"}
    yield {"name": "encode a surrogate", "kind": "encode", "file": DEMO, "text_hex": "eda080"}
    yield {"name": "decode", "kind": "decode", "file": DEMO, "tokens": list(range(200, 260))}
    yield {"name": "decode bytes", "kind": "decode", "file": DEMO, "tokens": list(range(0, 256))}
    yield {"name": "decode without special tokens", "kind": "decode", "file": DEMO, "flags": 1, "tokens": [0, 1, 2, 300]}
    yield {"name": "decode nothing", "kind": "decode", "file": DEMO, "tokens": []}
    yield {"name": "decode an unknown id", "kind": "decode", "file": DEMO, "tokens": [1, 4294967295]}
    for token in (0, 5, 200, 300, 4294967295):
        yield {"name": f"bytes of {token}", "kind": "token_bytes", "file": DEMO, "token": token}


def prompts():
    """Chat and prompt templates."""
    yield {"name": "chat", "kind": "chat", "file": DEMO, "roles": ["user"], "contents": [QUESTION]}
    yield {"name": "chat of three", "kind": "chat", "file": DEMO, "roles": ["system", "user", "assistant"],
           "contents": ["Be short.", TEXTS["chinese"], TEXTS["arabic"]]}
    yield {"name": "chat that spells special tokens", "kind": "chat", "file": DEMO, "roles": ["user"],
           "contents": [TEXTS["special spelled"]]}
    yield {"name": "chat of nothing", "kind": "chat", "file": DEMO, "roles": [], "contents": []}
    yield {"name": "chat without a template", "kind": "chat", "file": SMALL, "roles": ["user"], "contents": ["a"]}
    values = {"file": DEMO, "template_id": "symptom-analysis", "value_names": ["complaint", "age", "history"],
              "value_texts": ["Wheezing at night\n🩺 头痛", "34 years", "eczema\nhay fever"]}
    yield {"name": "template", "kind": "template", **values}
    yield {"name": "template that is missing", "kind": "template", "file": DEMO, "template_id": "مجهول"}
    yield {"name": "template without a value", "kind": "template", "file": DEMO, "template_id": "triage"}
    yield {"name": "template with an unknown value", "kind": "template", **values,
           "value_names": ["complaint", "age", "shoe"]}
    yield {"name": "template with a value out of range", "kind": "template", **values,
           "value_texts": ["Cough", "3400 years", "none"]}
    yield {"name": "template with a wrong type", "kind": "template", **values, "value_texts": ["Cough", "old", "none"]}


def scores():
    """Log-probabilities of ids."""
    yield {"name": "score", "kind": "score", "file": DEMO, "tokens": list(range(100, 132))}
    yield {"name": "score nothing", "kind": "score", "file": DEMO, "tokens": []}
    yield {"name": "score one", "kind": "score", "file": DEMO, "tokens": [7]}
    yield {"name": "score an unknown id", "kind": "score", "file": DEMO, "tokens": [1, 999999]}
    for scale in (0.0, 0.5, -2.0):
        yield {"name": f"score with an adapter at {scale}", "kind": "score", "file": ADAPTERS,
               "tokens": [1, 4, 5, 6, 7, 8], "adapter": "notes", "adapter_scale": scale}
    yield {"name": "score with an adapter of another alphabet", "kind": "score", "file": ADAPTERS,
           "tokens": [1, 4, 5, 6], "adapter": "codes é"}
    yield {"name": "score with no such adapter", "kind": "score", "file": ADAPTERS, "tokens": [1], "adapter": "x"}
    yield {"name": "score with too large a scale", "kind": "score", "file": ADAPTERS, "tokens": [1, 2],
           "adapter": "notes", "adapter_scale": 101.0}
    yield {"name": "score with a callback that stops", "kind": "score", "file": DEMO,
           "tokens": list(range(100, 164)), "progress_stops": True}


def answers():
    """Whole answers: their bytes, ids and ends."""
    asked = {"kind": "submit", "file": DEMO, "text": QUESTION, "max_tokens": 40}
    short = {**asked, "max_reasoning_tokens": NO_REASONING}
    yield {"name": "greedy", **asked, "temperature": 0.0}
    yield {"name": "the file's sampling", **asked, "seed": "2"}
    yield {"name": "seeded", **short, "temperature": 0.9, "top_k": 0, "top_p": 1.0, "seed": "12345678901234567890"}
    yield {"name": "seeded, another sample", **short, "temperature": 0.9, "top_k": 0, "top_p": 1.0,
           "seed": "12345678901234567890", "sample_index": 1}
    yield {"name": "all cuts", **short, "temperature": 1.3, "top_k": 20, "top_p": 0.9, "min_p": 0.02,
           "repetition_penalty": 1.2, "frequency_penalty": 0.3, "presence_penalty": 0.2, "seed": "7"}
    yield {"name": "biased", **short, "temperature": 0.0, "bias_tokens": [300, 301], "bias_values": [8.5, -3.0],
           "banned_tokens": [13, 14, 15]}
    yield {"name": "least tokens", **short, "temperature": 0.0, "min_tokens": 40, "max_tokens": 40}
    yield {"name": "no answer", **asked, "max_tokens": NO_ANSWER}
    yield {"name": "stop id", **short, "temperature": 0.0, "stop_tokens": list(range(255, 700))}
    yield {"name": "ends by itself", "kind": "submit", "file": DEMO, "text": "What are the symptoms of anemia?", "seed": "2"}
    yield {"name": "alternatives", **short, "temperature": 0.0, "max_tokens": 4, "alternative_count": 5}
    yield {"name": "entropy", **short, "temperature": 0.0, "max_tokens": 6, "flags": 32}
    yield {"name": "raw", **asked, "flags": RAW, "temperature": 0.0, "text": "Asthma is"}
    yield {"name": "ids", "kind": "submit", "file": DEMO, "tokens": [1, 2, 3, 4], "temperature": 0.0, "max_tokens": 20}
    yield {"name": "messages", "kind": "submit", "file": DEMO, "roles": ["system", "user"],
           "contents": ["Be short.", QUESTION], "temperature": 0.0, "max_tokens": 30}
    for name in ("chinese", "arabic", "emoji", "special spelled", "long"):
        yield {"name": f"ask {name}", **asked, "temperature": 0.0, "max_tokens": 16, "text": TEXTS[name]}
    yield {"name": "stop string", **short, "temperature": 0.0, "max_tokens": 200, "stops": ["syndrome", "zz"]}
    yield {"name": "prefill", **short, "temperature": 0.0, "max_reasoning_tokens": 0, "prefill": "Asthma"}
    yield {"name": "withheld reasoning", **asked, "flags": 8, "temperature": 0.0, "max_tokens": 60}
    yield {"name": "prompt template", "kind": "submit", "file": DEMO, "template_id": "symptom-analysis",
           "value_names": ["complaint", "age"], "value_texts": ["头痛 three days", "7 weeks"], "max_tokens": 24,
           "temperature": 0.0}
    yield {"name": "schema", **short, "temperature": 0.0, "schema": SCHEMA, "max_tokens": 60}
    yield {"name": "schema beyond its budget", **short, "temperature": 0.0, "schema": SCHEMA, "max_tokens": 5}
    yield {"name": "choices", **short, "temperature": 0.0, "choices": ["yes", "no", "也许", "🤷"], "max_tokens": 12}
    for adapter in ("", "notes", "codes é"):
        yield {"name": f"adapter {adapter or 'none'}", "kind": "submit", "file": ADAPTERS, "tokens": [1, 5, 6],
               "adapter": adapter, "temperature": 0.0, "max_tokens": 16, "sampling_flags": IGNORE_END}
    yield {"name": "tenant", **short, "temperature": 0.0, "max_tokens": 8, "tenant": "心臓科", "priority": 3}
    yield {"name": "no token can be chosen", "kind": "submit", "file": SMALL, "tokens": [1], "max_tokens": 4,
           "temperature": 0.0, "banned_tokens": list(range(24))}
    yield {"name": "two at once", "kind": "together", "cases": ["greedy", "seeded"]}
    yield {"name": "all kinds at once", "kind": "together",
           "cases": ["seeded", "greedy", "schema", "choices", "ask arabic", "stop string", "prompt template", "raw"]}
    yield {"name": "adapters at once", "kind": "together", "cases": ["adapter none", "adapter notes", "adapter codes é"]}


def refusals():
    """Requests that are refused."""
    asked = {"kind": "submit", "file": DEMO, "text": QUESTION, "max_tokens": 4}
    yield {"name": "no prompt", "kind": "submit", "file": DEMO}
    yield {"name": "empty raw prompt", "kind": "submit", "file": SMALL, "flags": RAW, "text": ""}
    yield {"name": "empty question", "kind": "submit", "file": DEMO, "text": "", "max_tokens": 4}
    yield {"name": "empty ids", "kind": "submit", "file": DEMO, "tokens": []}
    yield {"name": "two prompts", **asked, "tokens": [1]}
    yield {"name": "unknown id", "kind": "submit", "file": DEMO, "tokens": [1, 999999]}
    yield {"name": "too many ids", "kind": "submit", "file": SMALL, "tokens": [1] * 4000}
    yield {"name": "text that is no UTF-8", "kind": "submit", "file": DEMO, "text_hex": "61ff"}
    yield {"name": "no chat template", "kind": "submit", "file": SMALL, "text": "a"}
    yield {"name": "no such adapter", **asked, "adapter": "病房"}
    yield {"name": "no such prompt template", "kind": "submit", "file": DEMO, "template_id": "nowhere"}
    yield {"name": "prompt template without its values", "kind": "submit", "file": DEMO, "template_id": "triage"}
    yield {"name": "schema that is no JSON", **asked, "schema": "{"}
    yield {"name": "schema that nothing satisfies", **asked, "schema": '{"type":"integer","minimum":3,"maximum":2}'}
    yield {"name": "schema and choices", **asked, "schema": SCHEMA, "choices": ["a"]}
    yield {"name": "empty choice", **asked, "choices": ["a", ""]}
    yield {"name": "too many choices", **asked, "choices": [f"c{n}" for n in range(1025)]}
    yield {"name": "too many stop strings", **asked, "stops": [f"s{n}" for n in range(17)]}
    yield {"name": "long stop string", **asked, "stops": ["s" * 257]}
    yield {"name": "too many alternatives", **asked, "alternative_count": 21}
    yield {"name": "long tenant", **asked, "tenant": "t" * 257}
    yield {"name": "long prefill", **asked, "prefill": "p" * 16385}
    yield {"name": "strange flag", **asked, "flags": 1024}
    yield {"name": "temperature below 0", **asked, "temperature": -1.0}
    yield {"name": "top_p of 0", **asked, "top_p": 0.0}
    yield {"name": "scale without an adapter", **asked, "adapter_scale": 1.0}


def lives():
    """What becomes of requests and handles."""
    long = {"file": DEMO, "tokens": [1, 2, 3, 4], "temperature": 0.0, "sampling_flags": IGNORE_END, "max_tokens": 2000}
    yield {"name": "cancel", "kind": "cancel", **long, "cancel_after": 3}
    yield {"name": "deadline", "kind": "submit", **long, "deadline_milliseconds": 20}
    yield {"name": "engine closed meanwhile", "kind": "close_engine", **long}
    yield {"name": "event that is not there yet", "kind": "no_event_yet", **long}
    yield {"name": "event after the last", "kind": "after_last", **long, "max_tokens": 2}
    yield {"name": "full queue", "kind": "busy", **long, "queue_limit": 1, "running_limit": 1}
    yield {"name": "closed model", "kind": "closed_model", "file": SMALL}
    yield {"name": "closed engine", "kind": "closed_engine", "file": SMALL}
    yield {"name": "closed request", "kind": "closed_request", **long}
    yield {"name": "model after a fork", "kind": "forked", "file": SMALL}
    yield {"name": "engine closed in a callback", "kind": "in_callback", **long, "max_tokens": 1}


def all_cases():
    """Every case, in order."""
    for part in (opening, tokens, prompts, scores, answers, refusals, lives):
        yield from part()
