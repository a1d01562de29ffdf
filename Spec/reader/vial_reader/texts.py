"""Text sections: FORMAT.md, "Text", R-607 and R-608.

Owns: LZ4 frames with a bounded result. Must not: allocate more than the raw length."""
import lz4.frame

from .fields import Refusal, require

FRAME_MAGIC = bytes.fromhex("04224D18")
DICTIONARY_ID = 1


def read_text(section, stored):
    """The text's bytes, valid UTF-8."""
    raw = bytes(stored) if section.codec == 0 else decompress(section, bytes(stored))
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal(608, section.offset, "a text is not valid UTF-8") from None
    return raw


def decompress(section, stored):
    base, sentence = section.offset, "a compressed text is not one whole frame of its raw length"
    require(stored[:4] == FRAME_MAGIC and len(stored) > 4 and not stored[4] & DICTIONARY_ID, 607, base, sentence)
    frame = lz4.frame.LZ4FrameDecompressor()
    try:
        raw = frame.decompress(stored, max_length=section.raw + 1)
        if len(raw) <= section.raw and not frame.eof and not frame.needs_input:
            raw += frame.decompress(b"", max_length=section.raw + 1 - len(raw))
    except (RuntimeError, EOFError, MemoryError, ValueError):
        raise Refusal(607, base, sentence) from None
    require(frame.eof and not frame.unused_data and len(raw) == section.raw, 607, base, sentence)
    return raw
