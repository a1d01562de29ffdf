"""The configuration's keys: FORMAT.md, "Configuration" and "Layer traits", R-310 to R-319.

Owns: which keys there must be and their ranges."""
from .container import LAYER_TRAITS
from .fields import require
from .keyvalues import BOOL, F32S, F64, TEXT, U64, U64S

REQUIRED_KEYS = {
    "architecture": TEXT, "model.name": TEXT, "hidden_size": U64, "layer_count": U64, "attention.head_count": U64,
    "attention.kv_head_count": U64, "attention.head_dim": U64, "attention.qkv_bias": BOOL, "feed_forward_size": U64,
    "vocabulary_size": U64, "context_length": U64, "norm.epsilon": F64, "rope.inverse_frequencies": F32S,
    "embedding.tied": BOOL, "token.add_bos": BOOL, "token.eos": U64S,
}
SAMPLING = {
    "sampling.temperature": (F64, 0, 100), "sampling.top_p": (F64, 0, 1), "sampling.min_p": (F64, 0, 1),
    "sampling.repetition_penalty": (F64, 0.01, 100), "sampling.top_k": (U64, 0, 1 << 24),
}
RANGES = {
    "hidden_size": (1, 1 << 20), "layer_count": (1, 1024), "attention.head_count": (1, 4096),
    "attention.kv_head_count": (1, 4096), "attention.head_dim": (2, 1024), "feed_forward_size": (1, 1 << 20),
    "vocabulary_size": (1, 1 << 24), "context_length": (1, 1 << 24),
}
MULTIPLIER = (2.0 ** -40, 2.0 ** 40)
# Layer traits: type, default, and the range of a number.
TRAITS = {
    "attention.output_bias": (BOOL, False, None), "feed_forward.bias": (BOOL, False, None),
    "attention.scale": (F64, None, MULTIPLIER), "embedding.multiplier": (F64, 1, MULTIPLIER),
    "residual.multiplier": (F64, 1, MULTIPLIER), "logits.multiplier": (F64, 1, MULTIPLIER),
    "rope.magnitude": (F64, 1, MULTIPLIER), "rope.layers": (U64S, None, None),
    "attention.soft_cap": (F64, None, MULTIPLIER), "logits.soft_cap": (F64, None, MULTIPLIER),
    "attention.windows": (U64S, None, None), "rope.second.inverse_frequencies": (F32S, None, None),
    "rope.long.inverse_frequencies": (F32S, None, None), "rope.long.above": (U64, None, (1, 1 << 24)),
}


def trait(configuration, key):
    """A layer trait of a checked configuration, or its default."""
    return configuration.get(key, TRAITS[key][1])


def check_configuration(entries, base, features):
    """Values by key, once every rule holds."""
    at = lambda key: entries[key].offset
    value = lambda key: entries[key].value
    for key, kind in REQUIRED_KEYS.items():
        require(key in entries, 310, base, "a key is missing")
        require(entries[key].type == kind, 310, at(key), "a key has the wrong type")
    require("token.bos" not in entries or entries["token.bos"].type == U64, 310,
            "token.bos" in entries and at("token.bos"), "a key has the wrong type")
    name = value("architecture")
    spelled = 1 <= len(name) <= 64 and all(c in "abcdefghijklmnopqrstuvwxyz0123456789_" for c in name)
    require(spelled, 311, at("architecture"), "the architecture's name is not spelled as names are")
    for key, (low, high) in RANGES.items():
        require(low <= value(key) <= high, 312, at(key), "a size is out of its range")
    require(value("attention.head_dim") % 2 == 0, 312, at("attention.head_dim"), "the head dimension is odd")
    require(0 < value("norm.epsilon") <= 1, 312, at("norm.epsilon"), "the epsilon is out of its range")
    require(value("attention.head_count") % value("attention.kv_head_count") == 0, 313, at("attention.kv_head_count"),
            "the key/value heads do not divide the heads")
    frequencies = value("rope.inverse_frequencies")
    half, has_traits = value("attention.head_dim") // 2, features & LAYER_TRAITS
    counts = 1 <= len(frequencies) <= half if has_traits else len(frequencies) == half
    require(counts and all(0 <= f <= 1 for f in frequencies), 314, at("rope.inverse_frequencies"),
            "the inverse frequencies are not half a head's, from 0 to 1")
    _check_tokens(entries)
    for key, (kind, low, high) in SAMPLING.items():
        if key in entries:
            fits = entries[key].type == kind and low <= value(key) <= high
            require(fits, 316, at(key), "a sampling value is out of its range or of a wrong type")
    _check_traits(entries, base, has_traits)
    return {key: entry.value for key, entry in entries.items()}


def _check_traits(entries, base, has_traits):
    at = lambda key: entries[key].offset
    present = {key: entries[key] for key in TRAITS if key in entries}
    for key, entry in present.items():
        kind, _, limits = TRAITS[key]
        fits = entry.type == kind and (limits is None or limits[0] <= entry.value <= limits[1])
        require(fits, 319, at(key), "a layer trait is out of its range or of a wrong type")
    for key, limit in (("rope.layers", 2), ("attention.windows", 1 << 24)):
        if key in present:
            numbers = present[key].value
            fits = len(numbers) == entries["layer_count"].value and all(number <= limit for number in numbers)
            require(fits, 319, at(key), f"there is not a number up to {limit} for each layer")
    if "attention.windows" in present:
        kinds = set(present["attention.windows"].value)
        require(len(kinds) <= 8, 319, at("attention.windows"), "layers have more than 8 different windows")
    second = "rope.second.inverse_frequencies"
    needs_second = "rope.layers" in present and 2 in present["rope.layers"].value
    require(second in present or not needs_second, 318, at("rope.layers") if needs_second else base,
            "a layer rotates by second frequencies that are not there")
    long = [key for key in ("rope.long.inverse_frequencies", "rope.long.above") if key in present]
    require(len(long) != 1, 318, at(long[0]) if long else base, "long texts have frequencies or a length only")
    for key in [key for key in (second, "rope.long.inverse_frequencies") if key in present]:
        frequencies = present[key].value
        fits = len(frequencies) == len(entries["rope.inverse_frequencies"].value) and all(0 <= f <= 1 for f in frequencies)
        require(fits, 318, at(key), "these frequencies are not as many as the first, from 0 to 1")
    if not has_traits:
        plain = all(entry.value == TRAITS[key][1] for key, entry in present.items())
        require(plain, 317, base, "a layer trait without its feature")


def _check_tokens(entries):
    vocabulary, ends = entries["vocabulary_size"].value, entries["token.eos"]
    require(len(ends.value) <= 64 and all(t < vocabulary for t in ends.value), 315, ends.offset,
            "the end tokens are too many or outside the vocabulary")
    begin = entries.get("token.bos")
    require(begin is None or begin.value < vocabulary, 315, begin.offset if begin else 0,
            "the first token is outside the vocabulary")
    add = entries["token.add_bos"]
    require(not add.value or begin is not None, 315, add.offset, "a prompt starts with a token that is not there")
