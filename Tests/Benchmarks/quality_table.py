#!/usr/bin/env python3
"""Packs checkpoints in several ways and prints tables of what each costs, llama.cpp's formats beside them.

usage: quality_table.py VIAL SCRATCH --data FOLDER [--models NAME,...] [--llama] [--only NAME;...]
       quality_table.py VIAL SCRATCH --checkpoint FOLDER --measure TEXT --calibrate TEXT [--llama] [--only NAME;...]

--data is the folder with weights/ and medical/: all tables of the README by one command. Divergence is that from f16 of
the same engine, so each engine's own arithmetic (int8 activations) counts against it. --llama needs a Python with
llama_cpp, gguf and numpy; the importance matrix is computed here from the calibration text by `llama_peer.py`. Rows are
kept in SCRATCH/rows.jsonl, so that a repeated run of the same command goes on where it was stopped."""
import argparse, hashlib, json, os, pathlib, subprocess, sys

import quality_sets

parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
parser.add_argument("vial")
parser.add_argument("scratch", type=pathlib.Path)
parser.add_argument("--data", type=pathlib.Path)
parser.add_argument("--models", default=",".join(quality_sets.SETS))
parser.add_argument("--checkpoint", type=pathlib.Path)
parser.add_argument("--measure", type=pathlib.Path)
parser.add_argument("--calibrate", type=pathlib.Path)
parser.add_argument("--llama", action="store_true")
parser.add_argument("--only", default="")
EDGES = ["--embedding", "f16", "--head", "f16"]


def vial(*arguments):
    run = subprocess.run([options.vial, *map(str, arguments)], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"vial {' '.join(map(str, arguments))}: {run.stderr.strip().splitlines()[-1]}")
    return run.stdout


def recipes(groups, bits, calibration):
    """(name, whether embedding and head are f16, arguments) of everything that is packed."""
    gptq = ["--method", "gptq", "--calibration", calibration]
    yield "f16", False, ["--weights", "f16"]
    yield "int8", False, ["--weights", "int8"]
    widest = ["--group", groups[-1]]
    for edges in (False, True):
        for group in groups:
            yield f"RTN, groups of {group}", edges, ["--group", group]
        yield f"levels to nearest, groups of {groups[-1]}", edges, [*widest, "--codebook", "levels"]
        yield f"GPTQ, groups of {groups[-1]} (`--no-refine`)", edges, [*widest, *gptq, "--no-refine"]
        for group in groups if edges else ():
            yield f"ours, groups of {group}", edges, ["--group", group, *gptq]
        if edges:
            yield f"ours with zero points, groups of {groups[-1]}", edges, [*widest, *gptq, "--codebook", "linear"]
        for count in bits[:1] if edges else bits:
            yield f"ours, `--bits {count}`", edges, ["--bits", count, *gptq]
        if bits and not edges:
            least = ["--bits", bits[0], "--group", "128"]
            yield f"ours, `{' '.join(least)}`", edges, [*least, *gptq]
            yield f"ours, `{' '.join(least)} --without-sources`", edges, [*least, *gptq, "--without-sources"]


def sizes(path):
    """Bits a weight of the matrices in layers, of all weights, and bytes of the weights section."""
    dump = json.loads(vial("dump", path, "--json", "--tensors"))
    layers = [t for t in dump["tensors"] if ".layers." in t["name"] and len(t["shape"]) == 2]
    count = sum(t["shape"][0] * t["shape"][1] for t in layers)
    weights = sum(t["byte_count"] for t in dump["tensors"])
    every = sum(element_count(t["shape"]) for t in dump["tensors"])
    return {"layer_bits": sum(t["byte_count"] for t in layers) * 8 / count, "bits": weights * 8 / every, "weights": weights}


def element_count(shape):
    """Elements of a tensor."""
    count = 1
    for side in shape:
        count *= side
    return count


def accuracy(path, questions, limit=None):
    """Share of right answers with its interval."""
    more = ["--limit", limit] if limit else []
    result = json.loads(vial("eval", path, "--data", questions, "--json", *more))
    return {"accuracy": result["accuracy"], "interval": result["accuracy_interval"], "questions": result["questions"]}


def measured(case, base, name, edges, recipe):
    """One packed file's figures."""
    path = case.folder / ("f16.vial" if name == "f16" else "now.vial")
    row = {}
    if name != "f16":
        vial("pack", case.checkpoint, "-o", path, *recipe, *(EDGES if edges else []))
        row = json.loads(vial(
            "compare", base, path, "--file", case.measure, "--window", case.window, "--skip", case.skip, "--json"))
    row |= {"file": os.path.getsize(path), **sizes(path)}
    if not edges:
        row["accuracies"] = [accuracy(path, file, limit) for _, file, limit in case.questions]
    return row


class Rows:
    """Figures that were measured, found again by model, recipe and the binary that packed."""

    def __init__(self, path, binary):
        self.path = path
        self.tool = hashlib.sha256(pathlib.Path(binary).read_bytes()).hexdigest()[:16]
        lines = path.read_text().splitlines() if path.exists() else []
        self.known = {tuple(entry["key"]): entry["row"] for entry in map(json.loads, lines)}

    def get(self, model, name, edges, make):
        key = (self.tool, model, name, edges)
        if key not in self.known:
            self.known[key] = make()
            with self.path.open("a") as file:
                file.write(json.dumps({"key": key, "row": self.known[key]}) + "\n")
        return self.known[key]


def share(value):
    low, high = value["interval"]
    return f"{100 * value['accuracy']:.1f}% ({100 * low:.1f} to {100 * high:.1f})"


def line(name, row, ratio, perplexity, questions, edges):
    cells = [name, f"{row['layer_bits']:.2f}", f"{row['bits']:.2f}", f"{row['weights'] / 1e6:.2f}",
             f"{row['file'] / 1e6:.2f}"]
    if "mean_kl" in row:
        low, high = row["mean_kl_interval"]
        cells += [f"{row['perplexity_b']:.3f}", f"{row['mean_kl']:.5f} ({low:.5f} to {high:.5f})",
                  f"{ratio:.2f}" if ratio else "", f"{100 * row['same_top']:.1f}%"]
    else:
        cells += [f"{perplexity:.3f}", "", "", ""]
    if not edges:
        cells += [share(value) for value in row.get("accuracies", [])] or [""] * len(questions)
    print("| " + " | ".join(cells) + " |", flush=True)


def table(title, case, rows, edges):
    """Prints one table; `rows` are (name, figures)."""
    columns = ["weights", "bits in layers", "in all", "weights, MB", "file, MB", "perplexity",
               "mean KL(f16 ‖ it), 95% interval", "of RTN's", "same top token"]
    if not edges:
        columns += [name for name, _, _ in case.questions]
    print(f"\n{title}\n\n| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    rounded = {name.split("of ")[1]: row["mean_kl"] for name, row in rows if name.startswith("RTN")}
    perplexity = next((row["perplexity_a"] for _, row in rows if "perplexity_a" in row), float("nan"))
    for name, row in rows:
        group = name.split("groups of ")[1].split(" ")[0] if "groups of " in name else ""
        ratio = row["mean_kl"] / rounded[group] if group in rounded and not name.startswith("RTN") else None
        line(name, row, ratio, perplexity, case.questions, edges)


def run(case, rows):
    """All tables of one model."""
    case.folder.mkdir(parents=True, exist_ok=True)
    base = case.folder / "f16.vial"
    vial("pack", case.checkpoint, "-o", base, "--weights", "f16")
    if not case.calibrate.exists():
        case.prepare(vial, base)
    only = [name for name in options.only.split(";") if name]
    parts = {False: [], True: []}
    for name, edges, recipe in recipes(case.groups, case.bits, case.calibrate):
        if only and name not in only:
            continue
        print(f"{case.name}: {name}{', edges f16' if edges else ''}", file=sys.stderr, flush=True)
        row = rows.get(case.name, name, edges, lambda: measured(case, base, name, edges, recipe))
        parts[edges].append((name, row))
    if options.llama and case.has_peer:
        import llama_peer

        def measure(name):
            ids = [json.loads(vial("tokenize", base, "--file", text, "--json"))["tokens"]
                   for text in (case.measure, case.calibrate)]
            return llama_peer.Peer(case.checkpoint, case.folder, *ids, case.window, case.skip).measure(name)

        for name in llama_peer.FORMATS:
            print(f"{case.name}: llama.cpp {name}", file=sys.stderr, flush=True)
            parts[False].append((f"llama.cpp {name}", rows.get(case.name, name, False, lambda: measure(name))))
    table(f"{case.name}:", case, parts[False], False)
    table(f"{case.name}, embedding and head in f16:", case, parts[True], True)
    (case.folder / "now.vial").unlink(missing_ok=True)


options = parser.parse_args()
if bool(options.data) == bool(options.checkpoint) or options.checkpoint and not (options.measure and options.calibrate):
    parser.error("either --data, or --checkpoint with --measure and --calibrate")
options.scratch.mkdir(parents=True, exist_ok=True)
known = Rows(options.scratch / "rows.jsonl", options.vial)
if options.checkpoint:
    run(quality_sets.Case.own(options.scratch, options.checkpoint, options.measure, options.calibrate), known)
else:
    for wanted in options.models.split(","):
        run(quality_sets.SETS[wanted](options.scratch, options.data), known)
