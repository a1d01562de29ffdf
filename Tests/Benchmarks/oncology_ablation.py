#!/usr/bin/env python3
"""What the oncology adapter does to the demonstration model's held-out loss, apart and merged, in f16 and int4.

usage: oncology_ablation.py VIAL CHECKPOINT ADAPTER MEDQUAD.jsonl.xz --training-script train_demo.py [--windows 80]

CHECKPOINT and ADAPTER are the demonstration student's and its oncology adapter's folders; ADAPTER/results.json has the
losses that PEFT (float32) gave for the first windows of 512 predictions of the held-out pairs in the model's chat format.
The same windows are scored here. For merged weights, KL(apart || merged) is measured on the oncology windows, too."""
import argparse, hashlib, json, lzma, pathlib, re, subprocess, tempfile

WINDOW = 512

parser = argparse.ArgumentParser()
parser.add_argument("vial")
parser.add_argument("checkpoint", type=pathlib.Path)
parser.add_argument("adapter", type=pathlib.Path)
parser.add_argument("medquad")
parser.add_argument("--training-script", type=pathlib.Path, required=True,
                    help="the script that trained the model: its PLAN table words the reasoning")
parser.add_argument("--windows", type=int, default=80)
arguments = parser.parse_args()


def run(*command):
    return json.loads(subprocess.run([arguments.vial, *map(str, command), "--json"], check=True, capture_output=True).stdout)


def heldout(part):
    """The held-out pairs of a part, formatted as in training: general ones by disease, one in ten of oncology's."""
    plan = eval(re.search(r"^PLAN = (\{.*?\})\n", arguments.training_script.read_text("utf-8"), re.S | re.M).group(1))
    rows = [json.loads(line) for line in lzma.open(arguments.medquad, "rt", encoding="utf-8")]
    if part == "oncology":
        rows = [row for row in rows if row["source"] == "CancerGov"][::10]
    else:
        held = lambda row: int(hashlib.sha256(row["focus"].lower().encode()).hexdigest(), 16) % 100 < 4
        rows = [row for row in rows if row["source"] != "CancerGov" and held(row)]
    for row in rows:
        question = re.sub(r"\s+\?", "?", row["question"].replace("What is (are)", "What is").replace("(s)", "")).strip()
        thought = f"\nThe question is about {row['focus']}. I should {plan.get(row['qtype'], 'answer it')}.\n"
        if int(row["id"].encode().hex(), 16) % 3 == 0:
            thought = "\n\n"
        yield (f"<｜begin▁of▁sentence｜><｜User｜>{question}<｜Assistant｜><think>{thought}</think>\n\n"
               f"{row['answer'].strip()}<｜end▁of▁sentence｜>")


def loss(file, ids, *more):
    """Mean cross-entropy over the windows, as results.json counts."""
    windows = range(0, min(len(ids) - WINDOW - 1, arguments.windows * WINDOW), WINDOW)
    total = 0.0
    for start in windows:
        part = ids[start:start + WINDOW + 1]
        total -= sum(run("score", file, "--ids", ",".join(map(str, part)), *more)["logprobs"][1:]) / WINDOW
    return total / len(windows)


golden = json.loads((arguments.adapter / "results.json").read_text())["heldout_nll"]
print("| weights | adapter | oncology | general |\n|---|---|---|---|")
for name in ("without", "with"):
    print(f"| PEFT, float32 | {name} | {golden['oncology'][name]:.4f} | {golden['general'][name]:.4f} |")
with tempfile.TemporaryDirectory() as scratch:
    ids, texts = {}, {}
    for weights in ("f16", "int4"):
        apart, merged = f"{scratch}/{weights}.vial", f"{scratch}/{weights}-merged.vial"
        pack = [arguments.vial, "pack", arguments.checkpoint, "--weights", weights, "--adapter", f"oncology={arguments.adapter}"]
        subprocess.run([*pack, "-o", apart], check=True, capture_output=True)
        subprocess.run([*pack, "-o", merged, "--merge", "oncology"], check=True, capture_output=True)
        for part in ("oncology", "general"):
            if part not in ids:
                ids[part], texts[part] = [], pathlib.Path(scratch, part + ".txt")
                whole = ""
                for pair in heldout(part):
                    texts[part].write_text(pair, "utf-8", newline="")
                    ids[part] += run("tokenize", apart, "--file", texts[part])["tokens"]
                    whole += pair
                    if len(ids[part]) > arguments.windows * WINDOW + 1:
                        break
                texts[part].write_text(whole, "utf-8", newline="")
        for name, file, more in (("without", apart, []), ("with", apart, ["--adapter", "oncology"]), ("merged", merged, [])):
            values = [loss(file, ids[part], *more) for part in ("oncology", "general")]
            print(f"| {weights} | {name} | {values[0]:.4f} | {values[1]:.4f} |", flush=True)
        figures = run("compare", apart, merged, "--file", texts["oncology"], "--window", WINDOW, "--adapter-a", "oncology")
        low, high = figures["mean_kl_interval"]
        print(f"{weights}: KL(apart || merged) {figures['mean_kl']:.3g} ({low:.3g} to {high:.3g}), p99 {figures['p99_kl']:.3g}, "
              f"same top token {100 * figures['same_top']:.2f}%, {figures['positions']} positions", flush=True)
