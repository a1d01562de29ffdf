#!/usr/bin/env python3
"""Packs a checkpoint in several ways and prints a table of what each costs, llama.cpp's formats beside them.

usage: quality_table.py VIAL CHECKPOINT SCRATCH --measure TEXT --calibrate TEXT [--window 512] [--skip 256]
                        [--llama] [--only NAME;...] [--questions Q.jsonl]

Divergence is that from f16 of the same engine, so each engine's own arithmetic (int8 activations) counts against it.
--llama needs a Python with llama_cpp, gguf and numpy; the importance matrix is computed here from the calibration
text by `llama_peer.py`. --questions adds the accuracy of `vial eval`."""
import argparse, json, os, pathlib, subprocess, sys

parser = argparse.ArgumentParser()
parser.add_argument("vial")
parser.add_argument("checkpoint", type=pathlib.Path)
parser.add_argument("scratch", type=pathlib.Path)
parser.add_argument("--measure", required=True)
parser.add_argument("--calibrate", required=True)
parser.add_argument("--window", type=int, default=512)
parser.add_argument("--skip", type=int, default=256)
parser.add_argument("--llama", action="store_true")
parser.add_argument("--only", default="")
parser.add_argument("--questions")
options = parser.parse_args()
options.scratch.mkdir(parents=True, exist_ok=True)

GPTQ = ["--method", "gptq", "--calibration", options.calibrate]
EDGE16 = ["--embedding", "f16", "--head", "f16"]
RECIPES = {
    "f16": ["--weights", "f16"],
    "int8": ["--weights", "int8"],
    "RTN, groups of 64": ["--group", "64"],
    "RTN, groups of 128": ["--group", "128"],
    "GPTQ, groups of 128": ["--group", "128", *GPTQ, "--no-refine"],
    "ours, groups of 128": ["--group", "128", *GPTQ],
    "ours, 4.25 bits": ["--bits", "4.25", *GPTQ],
    "ours, 4.5 bits": ["--bits", "4.5", *GPTQ],
    "ours, groups of 64": ["--group", "64", *GPTQ],
    "RTN, groups of 128, edges f16": ["--group", "128", *EDGE16],
    "RTN, groups of 64, edges f16": ["--group", "64", *EDGE16],
    "GPTQ, groups of 128, edges f16": ["--group", "128", *EDGE16, *GPTQ, "--no-refine"],
    "ours, groups of 128, edges f16": ["--group", "128", *EDGE16, *GPTQ],
    "GPTQ, groups of 64, edges f16": ["--group", "64", *EDGE16, *GPTQ, "--no-refine"],
    "ours, groups of 64, edges f16": ["--group", "64", *EDGE16, *GPTQ],
    "ours, 4.25 bits, edges f16": ["--bits", "4.25", *EDGE16, *GPTQ],
    "ours, 4.5 bits, edges f16": ["--bits", "4.5", *EDGE16, *GPTQ],
}


def vial(*arguments):
    run = subprocess.run([options.vial, *map(str, arguments)], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"vial {' '.join(map(str, arguments))}: {run.stderr.strip().splitlines()[-1]}")
    return run.stdout


def layer_bits(path):
    """Bits a weight of the matrices in layers, scales included."""
    tensors = json.loads(vial("dump", path, "--json", "--tensors"))["tensors"]
    layers = [t for t in tensors if ".layers." in t["name"] and len(t["shape"]) == 2]
    weights = sum(t["shape"][0] * t["shape"][1] for t in layers)
    return sum(t["byte_count"] for t in layers) * 8 / weights


def row(name, bits, size, figures, accuracy=""):
    low, high = figures["mean_kl_interval"]
    bits = f"{bits:.2f}" if bits else ""
    print(
        f"| {name} | {bits} | {size / 1e6:.2f} | {figures['perplexity_b']:.3f} | {figures['mean_kl']:.5f}"
        f" ({low:.5f} to {high:.5f}) | {100 * figures['same_top']:.1f}% | {accuracy} |", flush=True)


wanted = [name for name in options.only.split(";") if name] or list(RECIPES)
base = options.scratch / "f16.vial"
print("| weights | bits in layers | file, MB | perplexity | mean KL(f16 ‖ it), 95% interval | same top token | accuracy |")
print("|---|---|---|---|---|---|---|")
vial("pack", options.checkpoint, "-o", base, *RECIPES["f16"])
for name in wanted:
    path = base if name == "f16" else options.scratch / f"{name.replace(' ', '-').replace(',', '')}.vial"
    if name != "f16":
        vial("pack", options.checkpoint, "-o", path, *RECIPES[name])
    figures = json.loads(vial(
        "compare", base, path, "--file", options.measure, "--window", options.window, "--skip", options.skip, "--json"))
    accuracy = ""
    if options.questions:
        result = json.loads(vial("eval", path, "--data", options.questions, "--json"))
        accuracy = f"{100 * result['accuracy']:.1f}%"
    row(name, layer_bits(path), os.path.getsize(path), figures, accuracy)
if options.llama:
    import llama_peer

    ids = {
        kind: json.loads(vial("tokenize", base, "--file", text, "--json"))["tokens"]
        for kind, text in (("measure", options.measure), ("calibrate", options.calibrate))}
    for name, size, bits, figures in llama_peer.measure(
            options.checkpoint, options.scratch, ids["measure"], ids["calibrate"], options.window, options.skip):
        row(name, bits, size, figures)
