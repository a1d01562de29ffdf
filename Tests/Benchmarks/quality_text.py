#!/usr/bin/env python3
"""Cuts a held-out text into a part to measure on and a part to calibrate with; they share no block.

usage: quality_text.py HELDOUT.txt measure|calibrate > TEXT

Blocks lie between blank lines. measure: every fourth block from the second, the first 160,000 characters;
calibrate: the first, third, fifth ... block, the first 300,000 characters."""
import pathlib, sys

LIMITS = {"measure": (1, 4, 160_000), "calibrate": (0, 2, 300_000)}

if len(sys.argv) != 3 or sys.argv[2] not in LIMITS:
    sys.exit(__doc__)
first, step, limit = LIMITS[sys.argv[2]]
blocks = pathlib.Path(sys.argv[1]).read_text("utf-8").split("\n\n")
sys.stdout.buffer.write("\n\n".join(blocks[first::step])[:limit].encode())
