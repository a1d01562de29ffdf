"""The tokenizer section: TOKENIZER.md, R-400 to R-411; MODELS.md, R-706; and the plain forms of decoding.

Owns: the header, the columns, and from ids to bytes. Must not: encode text."""
from dataclasses import dataclass, field

from .fields import Fields, require

NO_TOKEN = 0xFFFFFFFF
UNICODE_TABLES = 0x16000900
BYTE_LEVEL, CHARACTER_LEVEL = 1, 2
NORMALISERS = ("none", "NFC", "spaces")
PRE_TOKENIZERS = (
    "none", "GPT-2", "Qwen2", "Llama 3", "metaspace", "metaspace with cuts", "GPT-2 with digits", "Tekken", "o200k",
    "Qwen3.5", "DeepSeek-V3")
DECODERS = {1: "byte level", 2: "byte fallback", 3: "metaspace"}
EXISTS, ADDED, SPECIAL, BYTE = 1, 2, 4, 8
STRIP_LEADING_SPACE = 1 << 9


@dataclass
class Tokenizer:
    fields: Fields
    facts: dict
    columns: dict = field(default_factory=dict)


def read_tokenizer(data, base, vocabulary_size):
    """`vocabulary_size` is the configuration's."""
    fields = Fields(data, base, 400)
    require(len(data) >= 256, 400, base, "the tokenizer is shorter than its header")
    word = lambda at, rule, fits, sentence: require(fits(fields.u32(at)), rule, base + at, sentence)
    word(0, 401, lambda v: v == 1, "the tokenizer's layout version is unknown")
    fields.require_zero(248, 8, 402, "a reserved byte of the tokenizer is not zero")
    word(4, 403, lambda v: v in (BYTE_LEVEL, CHARACTER_LEVEL), "a kind of tokenizer is unknown")
    word(8, 403, lambda v: v < len(NORMALISERS), "a normaliser is unknown")
    word(12, 403, lambda v: v < len(PRE_TOKENIZERS), "a pre-tokenizer is unknown")
    word(16, 403, lambda v: v in DECODERS, "a decoder is unknown")
    word(20, 404, lambda v: v < 1 << 10, "a flag of the tokenizer is unknown")
    word(24, 405, lambda v: 1 <= v <= 1 << 24, "the number of ids is out of its range")
    word(28, 405, lambda v: v <= 1 << 25, "the number of merges is out of its range")
    word(32, 405, lambda v: v <= 65536, "the number of added tokens is out of its range")
    word(36, 405, lambda v: v <= fields.u32(32), "more added tokens are matched first than there are")
    word(156, 405, lambda v: v <= 65536, "the longest token is out of its range")
    count = fields.u32(24)
    for at in (40, 44, 48, 52):
        word(at, 406, lambda v: v < count or v == NO_TOKEN, "a token of the tokenizer's header does not exist")
    for number_at, tokens_at in ((56, 64), (60, 96)):
        number = fields.u32(number_at)
        require(number <= 8, 407, base + number_at, "more than 8 tokens stand around a text")
        for index in range(8):
            fits = (lambda v: v < count) if index < number else (lambda v: v == 0)
            word(tokens_at + 4 * index, 407, fits, "a token around a text does not exist")
    for at, low, high in ((128, 1, 28), (132, 0, 4096), (136, 1, 28), (140, 0, 4096)):
        word(at, 408, lambda v: low <= v <= high, "a hash table's size or search is out of its range")
    word(152, 409, lambda v: v == UNICODE_TABLES, "the Unicode tables are unknown")
    tokenizer = Tokenizer(fields, _facts(fields))
    _read_columns(tokenizer, base)
    require(count <= vocabulary_size, 706, base + 24, "the tokenizer has more ids than the model's vocabulary")
    return tokenizer


def _facts(fields):
    token = lambda at: None if fields.u32(at) == NO_TOKEN else fields.u32(at)
    around = lambda number_at, at: [fields.u32(at + 4 * i) for i in range(fields.u32(number_at))]
    return {
        "kind": "byte level" if fields.u32(4) == BYTE_LEVEL else "character level",
        "normaliser": NORMALISERS[fields.u32(8)], "pre_tokenizer": PRE_TOKENIZERS[fields.u32(12)],
        "decoder": DECODERS[fields.u32(16)], "flags": fields.u32(20), "ids": fields.u32(24), "merges": fields.u32(28),
        "added": fields.u32(32), "added_before": fields.u32(36), "unknown": token(40), "begin": token(44),
        "end": token(48), "padding": token(52), "in_front": around(56, 64), "behind": around(60, 96),
    }


def _read_columns(tokenizer, base):
    fields = tokenizer.fields
    count, added = fields.u32(24), fields.u32(32)
    merge_bits, vocabulary_bits = fields.u32(128), fields.u32(136)
    lengths = {
        "bytes": (160, fields.u64(168)), "starts": (176, 4 * (count + 1)), "flags": (184, count),
        "vocabulary": (192, 4 << vocabulary_bits), "merges": (200, 16 << merge_bits), "byte": (208, 1024),
        "byte_token": (216, 1024), "added": (224, 16 * added), "added_bytes": (232, fields.u64(240)),
    }
    for name, (at, length) in lengths.items():
        offset = fields.u64(at)
        require(offset % 8 == 0 and offset >= 256, 410, base + at, "a column's offset is not a multiple of 8 from 256 on")
        inside = offset <= len(fields) and length <= len(fields) - offset
        require(inside, 411, base + at, "a column ends outside the tokenizer")
        tokenizer.columns[name] = Fields(fields.data[offset:offset + length], base + offset, 411)


def token_bytes(tokenizer, token):
    """What a token stands for; nothing for one that is not there or whose place is out of range."""
    if not (0 <= token < tokenizer.facts["ids"] and tokenizer.columns["flags"].u8(token) & EXISTS):
        return None
    start, end = (tokenizer.columns["starts"].u32(4 * (token + i)) for i in (0, 1))
    text = tokenizer.columns["bytes"]
    return text.bytes(start, end - start) if start <= end <= len(text) else None


def decode(tokenizer, ids, skip_special=False):
    """Text of ids, as "Decoding" says."""
    known = []
    for token in ids:
        data = token_bytes(tokenizer, token)
        flags = tokenizer.columns["flags"].u8(token) if data is not None else 0
        if data is not None and not (skip_special and flags & SPECIAL):
            known.append((data, flags))
    decoder = tokenizer.facts["decoder"]
    if decoder == "byte level":
        return b"".join(data for data, _ in known).decode("utf-8", "replace")
    text, run = "", b""
    for index, (data, flags) in enumerate(known):
        if decoder == "byte fallback" and flags & BYTE:
            run += data
            continue
        piece = data.decode("utf-8", "replace")
        text += _byte_run(run) + (piece.lstrip(" ") if decoder == "metaspace" and index == 0 else piece)
        run = b""
    text += _byte_run(run)
    strips = tokenizer.facts["flags"] & STRIP_LEADING_SPACE and text.startswith(" ")
    return text[1:] if strips else text


def _byte_run(run):
    try:
        return run.decode("utf-8")
    except UnicodeDecodeError:
        return "\ufffd" * len(run)
