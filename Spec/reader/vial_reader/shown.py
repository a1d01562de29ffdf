"""Text of a file for a terminal: what could drive it is spelled out (Spec/SECURITY.md, "What each check stops")."""

SPELLED_OUT = {
    *range(0x00, 0x20), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A),
} - {0x09, 0x0A}  # fmt: skip


def shown(text):
    """The text with its controls, and marks and overrides of direction, as \\u{...}; line ends and tabs stay."""
    return "".join(f"\\u{{{ord(c):x}}}" if ord(c) in SPELLED_OUT else c for c in text)
