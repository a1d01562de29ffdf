#!/usr/bin/env python3
"""Makes Tests/Fixtures/gguf/blocks.json: blocks of random bytes in each GGUF type that is decoded, with the floats that
the `gguf` package (0.19) gets from them. usage: make_gguf_blocks.py > Tests/Fixtures/gguf/blocks.json"""
import json
import gguf, numpy as np
from gguf.quants import dequantize

random = np.random.default_rng(7)
SCALES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0]}
out = []
for name, places in SCALES.items():
    type_ = gguf.GGMLQuantizationType[name]
    elements, size = gguf.GGML_QUANT_SIZES[type_]
    count = 256 // elements * 2
    blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
    for block in blocks:
        for place in places:
            block[place:place + 2] = np.frombuffer(np.float16(random.normal() * 0.01).tobytes(), np.uint8)
    values = dequantize(blocks.reshape(2, -1), type_).astype("<f4").reshape(-1)
    out.append({
        "type": int(type_), "name": name, "rows": blocks.tobytes().hex(),
        "bits": [int(bits) for bits in values.view("<u4")],
    })
print("[" + ",\n".join(json.dumps(entry) for entry in out) + "]")
