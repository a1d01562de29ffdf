#!/usr/bin/env python3
"""Write Sources/VialText/Generated/*.swift: the pinned Unicode tables of the tokenizer.

The tokenizer must answer as Hugging Face `tokenizers` does, so the tables hold what that package
effectively uses: its regular expressions know Unicode 16.0, its normaliser is that of Unicode 9.0
(characters that came later never decompose, compose or reorder). Every value is taken from
unicodedata2 16.0.0 and compared with the package for every code point; a difference is an error.

usage: generate_unicode_tables.py [--check]     (needs tokenizers==0.23.3, unicodedata2==16.0.0)
"""
import argparse
import pathlib
import sys

import tokenizers
import unicodedata2 as ucd
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "Sources/VialText/Generated"
LETTER, NUMBER, SPACE, WORD, UNSTABLE = 1, 2, 3, 4, 8
# What kind of letter, or of a character that is neither letter, number nor space.
DETAILS = {"Lu": 16, "Lt": 16, "Ll": 32, "Mn": 16, "Mc": 16, "Me": 16}
# What stands for class 0 in the table of text: 48 characters from here on need no escape.
FIRST = ord("#")
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
NFD, NFC = normalizers.NFD(), normalizers.NFC()
assert tokenizers.__version__ == "0.23.3" and ucd.unidata_version == "16.0.0"


def matched(pattern):
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    return {c for c in SCALARS if not split.pre_tokenize_str(chr(c))}


def word_characters():
    """`\\w` of the Rust regex engine, seen through a single-word added token."""
    t = Tokenizer(models.BPE({"x": 0}, []))
    t.add_tokens([AddedToken("xx", single_word=True, normalized=False)])
    token = t.token_to_id("xx")
    return {c for c in SCALARS if token not in t.encode("xx" + chr(c)).ids}


def decompositions():
    result = {}
    for c in SCALARS:
        if 0xAC00 <= c < 0xAC00 + 11172:
            continue
        got = NFD.normalize_str(chr(c))
        if got == chr(c):
            continue
        assert got == ucd.normalize("NFD", chr(c)), hex(c)
        result[c] = [ord(x) for x in got]
    return result


def combining_classes():
    """Class per code point, 0 where the package's older normaliser does not know the character."""
    result = {}
    for c in SCALARS:
        k = ucd.combining(chr(c))
        if not k:
            continue
        low = NFD.normalize_str("a" + chr(c) + "\u0334") != "a" + chr(c) + "\u0334"
        high = NFD.normalize_str("a\u0345" + chr(c)) != "a\u0345" + chr(c)
        expected_low, expected_high = k > 1, k < 240
        if (low, high) == (expected_low, expected_high):
            result[c] = k
        else:
            assert not low and not high, hex(c)
    return result


def compositions(decomposed):
    """(first, second) -> composite for every primary composite outside Hangul."""
    result = {}
    for c in decomposed:
        if NFC.normalize_str(chr(c)) != chr(c):
            continue
        parts = ucd.decomposition(chr(c)).split()
        assert len(parts) == 2 and not parts[0].startswith("<"), hex(c)
        pair = (int(parts[0], 16), int(parts[1], 16))
        result[pair] = c
    return result


def classes(decomposed, combining, composed):
    letters, numbers = matched(r"\p{L}"), matched(r"\p{N}")
    upper, lower, marks = matched(r"[\p{Lu}\p{Lt}]"), matched(r"\p{Ll}"), matched(r"\p{M}")
    signs = matched(r"[\p{P}\p{S}]")
    spaces, words = matched(r"\s"), word_characters()
    seconds = {b for _, b in composed} | set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
    table = bytearray(0x110000)
    for c in SCALARS:
        category = ucd.category(chr(c))[0]
        assert (c in letters) == (category == "L") and (c in numbers) == (category == "N"), hex(c)
        value = LETTER if c in letters else NUMBER if c in numbers else SPACE if c in spaces else 0
        value |= WORD if c in words else 0
        details = DETAILS.get(ucd.category(chr(c)), 32 if category in "PS" else 0)
        assert (c in upper or c in marks) == (details == 16), hex(c)
        assert (c in lower or c in signs) == (details == 32), hex(c)
        value |= details
        unstable = c in combining or c in seconds or NFC.normalize_str(chr(c)) != chr(c)
        table[c] = value | (UNSTABLE if unstable else 0)
    return table


def two_stage(table):
    blocks, index, seen = [], [], {}
    for start in range(0, 0x110000, 128):
        block = bytes(table[start : start + 128])
        if block not in seen:
            seen[block] = len(blocks)
            blocks.append(block)
        index.append(seen[block])
    return index, blocks


def text_literal(name, doc, lines):
    body = "\n".join("    " + line for line in lines)
    return f'  /// {doc}\n  static let {name}: StaticString = """\n{body}\n    """\n'


def chunks(text, width):
    return [text[i : i + width] for i in range(0, len(text), width)]


def number_literal(name, element, doc, values):
    words = [hex(v) for v in values]
    lines, line = [], "   "
    for word in words:
        if len(line) + len(word) + 2 > 98:
            lines.append(line)
            line = "   "
        line += " " + word + ","
    lines.append(line)
    body = "\n".join(lines)
    return f"  /// {doc}\n  static let {name}: [{element}] = [\n{body}\n  ]\n"


def header(what):
    return (
        f"// {what}\n// swift-format-ignore-file\n"
        "// Generated by Tests/Scripts/generate_unicode_tables.py; change that script, not this file.\n"
        "// Classes: Unicode 16.0. Normalisation: Unicode 9.0 (Spec/TOKENIZER.md, \"Unicode\").\n\n"
    )


def class_file(table):
    index, blocks = two_stage(table)
    assert len(blocks) <= 0xFFF
    index_text = chunks("".join(f"{i:03x}" for i in index), 90)
    block_text = [chunk for b in blocks for chunk in chunks("".join(chr(FIRST + v) for v in b), 64)]
    return (
        header("Which class a character belongs to, as a two-stage table of text.")
        + "enum UnicodeClassData {\n"
        + f"  /// Number of 128-character blocks.\n  static let blockCount = {len(blocks)}\n\n"
        + text_literal("index", "Block number of every 128 code points, three hexadecimal digits each.", index_text)
        + "\n"
        + text_literal("blocks", "Class bits of every code point of every block, as '#' plus the bits.", block_text)
        + "}\n"
    )


def normalization_file(decomposed, combining, composed):
    runs, previous, last = [], 0, -1
    for c in range(0x110000):
        k = combining.get(c, 0)
        if k != previous:
            runs.append(c << 8 | k)
            previous = k
    keys = sorted(decomposed)
    starts, data = [], []
    for c in keys:
        starts.append(len(data))
        data += decomposed[c]
    starts.append(len(data))
    pairs = sorted(composed)
    return (
        header("What NFC needs: combining classes, full decompositions and compositions.")
        + "enum UnicodeNormalizationData {\n"
        + number_literal("combiningRuns", "UInt32", "Code point << 8 | combining class that holds from there on.", runs)
        + "\n"
        + number_literal("decomposable", "UInt32", "Code points that decompose, ascending, without Hangul.", keys)
        + "\n"
        + number_literal("decompositionStarts", "UInt16", "Where each one's decomposition starts; one more at the end.", starts)
        + "\n"
        + number_literal("decompositions", "UInt32", "The full decompositions, end to end.", data)
        + "\n"
        + number_literal("compositionPairs", "UInt64", "First << 32 | second of each composition, ascending.", [a << 32 | b for a, b in pairs])
        + "\n"
        + number_literal("composites", "UInt32", "What each pair composes to.", [composed[p] for p in pairs])
        + "}\n"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the committed files")
    check = parser.parse_args().check
    decomposed, combining = decompositions(), combining_classes()
    composed = compositions(decomposed)
    table = classes(decomposed, combining, composed)
    files = {
        "UnicodeClassData.swift": class_file(table),
        "UnicodeNormalizationData.swift": normalization_file(decomposed, combining, composed),
    }
    stale = 0
    for name, text in files.items():
        path = OUT / name
        if check:
            stale += not path.exists() or path.read_text() != text
        else:
            path.write_text(text)
            print(f"{name}: {len(text)} bytes", file=sys.stderr)
    if stale:
        sys.exit("the generated tables differ from what the package does")


if __name__ == "__main__":
    main()
