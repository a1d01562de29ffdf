"""Tokenizer tables and chat programs: TOKENIZER.md "Layout", TEMPLATES.md "Program".

Owns: columns in the order of the text, and the hash tables' placement."""
import struct

from .container import CHAT, TOKENIZER, Section

NO_TOKEN = 0xFFFFFFFF
SEED = 0x5649414C00000001
MASK = (1 << 64) - 1
KINDS = {"byte level": 1, "character level": 2}
NORMALISERS = {"none": 0, "NFC": 1, "spaces": 2}
PRE_TOKENIZERS = {
    "none": 0, "GPT-2": 1, "Qwen2": 2, "Llama 3": 3, "metaspace": 4, "metaspace with cuts": 5, "GPT-2 with digits": 6,
    "Tekken": 7, "o200k": 8, "Qwen3.5": 9, "DeepSeek-V3": 10}
DECODERS = {"byte level": 1, "byte fallback": 2, "metaspace": 3}


def hash_bytes(data):
    h = 0xCBF29CE484222325 ^ SEED
    for byte in data:
        h = (h ^ byte) * 0x100000001B3 & MASK
    h = (h ^ h >> 32) * 0x9E3779B97F4A7C15 & MASK
    return h ^ h >> 29


def hash_pair(pair):
    h = (pair ^ SEED) * 0x9E3779B97F4A7C15 & MASK
    h ^= h >> 29
    h = h * 0xBF58476D1CE4E5B9 & MASK
    return h ^ h >> 32


def bits_for(count):
    bits = 4
    while count * 12 > 7 << bits:
        bits += 1
    return bits


def hashed(items, bits, empty):
    """Slots and the longest search, for (hash, slot) items placed in order."""
    slots, longest = [empty] * (1 << bits), 1
    for value, slot in items:
        at, looked = value % (1 << bits), 1
        while slots[at] is not empty:
            at, looked = (at + 1) % (1 << bits), looked + 1
        slots[at] = slot
        longest = max(longest, looked)
    return slots, longest


class Tokenizer:
    """`tokens`: (bytes, flags) or None; `merges`: (left, right, result); `added`: (id, flags, text), in order."""

    def __init__(self, kind, normaliser, pre_tokenizer, decoder, tokens, merges=(), added=(), added_before=0, flags=0,
                 special=(NO_TOKEN,) * 4, in_front=(), behind=(), byte=None, byte_token=None):
        self.kind, self.normaliser, self.pre_tokenizer, self.decoder = kind, normaliser, pre_tokenizer, decoder
        self.tokens, self.merges, self.added, self.added_before = tokens, merges, added, added_before
        self.flags, self.special, self.in_front, self.behind = flags, special, in_front, behind
        self.byte, self.byte_token = byte or {}, byte_token or {}

    def section(self):
        return Section(TOKENIZER, self.encode())

    def encode(self):
        text, starts, flags = b"", [], b""
        for token in self.tokens:
            starts.append(len(text))
            text += token[0] if token else b""
            flags += bytes([token[1] if token else 0])
        starts.append(len(text))
        words = [(hash_bytes(t[0]), i + 1) for i, t in enumerate(self.tokens) if t and not t[1] & 2]
        pairs = [(hash_pair(left << 32 | right), (left << 32 | right, rank << 32 | result))
                 for rank, (left, right, result) in enumerate(self.merges)]
        v, m = bits_for(len(words)), bits_for(len(pairs))
        vocabulary, word_search = hashed(words, v, 0)
        slots, pair_search = hashed(pairs, m, (MASK, MASK))
        by_byte = lambda table: struct.pack("<256I", *(table.get(i, NO_TOKEN) for i in range(256)))
        added_bytes = b"".join(t for _, _, t in self.added)
        places, place = b"", 0
        for identifier, bits, spelled in self.added:
            places += struct.pack("<IIII", identifier, bits, place, len(spelled))
            place += len(spelled)
        columns = [text, struct.pack(f"<{len(starts)}I", *starts), flags, struct.pack(f"<{1 << v}I", *vocabulary),
                   b"".join(struct.pack("<QQ", *slot) for slot in slots), by_byte(self.byte), by_byte(self.byte_token),
                   places, added_bytes]
        body, offsets = bytearray(256), []
        for column in columns:
            body += bytes(-len(body) % 8)
            offsets.append(len(body))
            body += column
        body[:256] = self._header(offsets, columns, m, pair_search, v, word_search)
        return bytes(body)

    def _header(self, offsets, columns, m, pair_search, v, word_search):
        eight = lambda ids: struct.pack("<8I", *(tuple(ids) + (0,) * (8 - len(ids))))
        longest = max(len(t[0]) for t in self.tokens if t)
        return (struct.pack("<14I", 1, KINDS[self.kind], NORMALISERS[self.normaliser],
                            PRE_TOKENIZERS[self.pre_tokenizer], DECODERS[self.decoder], self.flags, len(self.tokens),
                            len(self.merges), len(self.added), self.added_before, *self.special)
                + struct.pack("<II", len(self.in_front), len(self.behind)) + eight(self.in_front) + eight(self.behind)
                + struct.pack("<IIIIQII", m, pair_search, v, word_search, SEED, 0x16000900, longest)
                + struct.pack("<QQ", offsets[0], len(columns[0])) + struct.pack("<8Q", *offsets[1:])
                + struct.pack("<Q8x", len(columns[8])))

    def as_truth(self):
        optional = lambda token: None if token == NO_TOKEN else token
        return {
            "kind": self.kind, "normaliser": self.normaliser, "pre_tokenizer": self.pre_tokenizer,
            "decoder": self.decoder, "flags": self.flags, "ids": len(self.tokens), "merges": len(self.merges),
            "added": len(self.added), "added_before": self.added_before,
            **dict(zip(("unknown", "begin", "end", "padding"), map(optional, self.special))),
            "in_front": list(self.in_front), "behind": list(self.behind),
            "first_tokens": [t[0].hex() if t else None for t in self.tokens[:16]],
        }


def byte_level(pre_tokenizer, normaliser="none", flags=0, begin=False):
    """256 bytes, four merges, a token that is missing, two added tokens."""
    tokens = [(bytes([i]), 1) for i in range(256)]
    merges = []
    for left, right in ((0x61, 0x62), (0x20, 0x61), (256, 0x63), (0x20, 256)):
        merges.append((left, right, len(tokens)))
        tokens.append((tokens[left][0] + tokens[right][0], 1))
    tokens += [None, (b"<|end|>", 7), (b"<think>", 3)]
    special = (NO_TOKEN, 262 if begin else NO_TOKEN, 261, NO_TOKEN)
    added = ((262, 0, b"<think>"), (261, 6, b"<|end|>"))
    return Tokenizer("byte level", normaliser, pre_tokenizer, "byte level", [*tokens[:261], *tokens[261:]], merges,
                     added, 2, flags, special, (262,) if begin else (), (), {i: i for i in range(256)})


def character_level(pre_tokenizer, normaliser, decoder, flags):
    """<unk>, <s>, </s>, the bytes' tokens 0x00 to 0x07, characters, merges."""
    tokens = [(b"<unk>", 7), (b"<s>", 7), (b"</s>", 7)] + [(bytes([i]), 9) for i in range(8)]
    first = len(tokens)
    tokens += [(c.encode(), 1) for c in (" ", "a", "b", "é", "…")]
    merges = [(first, first + 1, len(tokens)), (len(tokens), first + 2, len(tokens) + 1)]
    tokens += [(b" a", 1), (b" ab", 1)]
    added = ((2, 0, b"</s>"), (1, 0, b"<s>"), (0, 0, b"<unk>"))
    return Tokenizer("character level", normaliser, pre_tokenizer, decoder, tokens, merges, added, 3, flags,
                     (0, 1, 2, NO_TOKEN), (1,), (2,), {0x20: first, 0x61: first + 1, 0x62: first + 2},
                     {i: 3 + i for i in range(8)})


def program(instructions, literals=(), slots=0):
    """A chat template's bytes; an instruction is (operation, a, b)."""
    pool = "".join(literals).encode()
    places, place = b"", 0
    for literal in literals:
        places += struct.pack("<II", place, len(literal.encode()))
        place += len(literal.encode())
    code = b"".join(struct.pack("<HHI", *i) for i in instructions)
    head = struct.pack("<IIIIIIQQQ16x", 1, len(instructions), len(literals), len(pool), slots, 0, 64, 64 + len(code),
                       64 + len(code) + len(places))
    return head + code + places + pool


# for message in messages: role, ": ", content, "\n"; then, for the answer's turn, "assistant: "
CHAT_PROGRAM = ([(8, 0, 0), (18, 0, 0), (19, 0, 13), (6, 0, 0), (10, 0, 0), (33, 0, 0), (1, 0, 0), (33, 0, 0),
                 (6, 0, 0), (10, 0, 1), (29, 3, 0xFFFFFFFF), (33, 0, 0), (20, 0, 2), (9, 0, 0), (15, 0, 17), (1, 0, 1),
                 (33, 0, 0), (0, 0, 0)], (": ", "assistant: "), 1)


def chat_section(identifier=0):
    return Section(CHAT, program(*CHAT_PROGRAM), id=identifier)


def chat_truth(identifier=0):
    code, literals, slots = CHAT_PROGRAM
    return {"id": identifier, "instructions": len(code), "literals": len(literals), "slots": slots,
            "pool": len("".join(literals).encode())}
