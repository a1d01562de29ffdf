"""Owns: the pre-tokenizers' regular expressions as published tokenizer.json files spell them, and strings that tell
them apart. Must not: read or write anything.
"""
CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
ENDS = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*" + ENDS
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + ENDS
CL100K = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
CASED = r"[^\r\n\p{L}\p{N}]?%s*%s+%s|[^\r\n\p{L}\p{N}]?%s+%s*%s|%s| ?[^\s\p{L}\p{N}]+[\r\n/]*" + ENDS
TEKKEN = CASED % (UPPER, LOWER, "", UPPER, LOWER, "", r"\p{N}")
O200K = CASED % (UPPER, LOWER, CONTRACTIONS + "?", UPPER, LOWER, CONTRACTIONS + "?", r"\p{N}{1,3}")
QWEN35 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*" + ENDS
DEEPSEEK_V3 = [
    r"\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
    "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"]
DIGITS = {"type": "Digits", "individual_digits": True}

# What patterns tell apart: cases, title case, letters without case, marks, kana, numbers (of Unicode 17, too), signs,
# line ends, spaces, formats, private characters.
ALPHABET = (
    "aabzABZ\u01c5\u02b0\u00aa\u05d0\u4e2d\u9fa6\u304b\u3099\u309b\u3040\u30fb\u30fc\u00e9\u00c9\u0301\u0903\u20dd'''sStTlL\u017fdDmMrRvVeE"
    "0019\u0661\u00bd\u2167\U00011de0\U00016ff4.,;/!$+_-#\u00b0\u2019\u201c \u00a0\u3000  \t\n\r\r\n\u0001\u007f\u200d\ufeff\ue000\u0378\U000e0001")


def dense_text(rng):
    """A string over few characters of the alphabet, so that every order of them is met."""
    alphabet = [rng.choice(ALPHABET) for _ in range(rng.randint(2, 12))]
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 24)))
