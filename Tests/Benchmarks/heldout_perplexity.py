#!/usr/bin/env python3
"""Held-out perplexity of the demonstration model in several encodings, beside transformers' value.

usage: heldout_perplexity.py VIAL CHECKPOINT MEDQUAD.jsonl.xz [--windows 80]

CHECKPOINT is the demonstration student's folder; its golden.json has the negative log-likelihood that transformers
(float32, on the stored BF16 weights) gave for the first 80 windows of 512 predictions of the held-out MedQuAD pairs:
diseases that training never saw, in the model's chat format. The same windows are scored here with `vial score`."""
import argparse, hashlib, json, lzma, math, pathlib, re, subprocess, tempfile

WINDOW = 512


parser = argparse.ArgumentParser()
parser.add_argument("vial")
parser.add_argument("checkpoint", type=pathlib.Path)
parser.add_argument("medquad")
parser.add_argument("--training-script", type=pathlib.Path, required=True,
                    help="the script that trained the model: its PLAN table words the reasoning")
parser.add_argument("--windows", type=int, default=80)
arguments = parser.parse_args()


def run(*command):
    return json.loads(subprocess.run([arguments.vial, *command, "--json"], check=True, capture_output=True).stdout)


def heldout_text():
    """The held-out pairs, formatted as they were when the reference value was computed."""
    source = arguments.training_script.read_text("utf-8")
    plan = eval(re.search(r"^PLAN = (\{.*?\})\n", source, re.S | re.M).group(1))
    texts = []
    for line in lzma.open(arguments.medquad, "rt", encoding="utf-8"):
        row = json.loads(line)
        disease = int(hashlib.sha256(row["focus"].lower().encode()).hexdigest(), 16)
        if row["source"] == "CancerGov" or disease % 100 >= 4:
            continue
        question = row["question"].replace("What is (are)", "What is").replace("(s)", "")
        question = re.sub(r"\s+\?", "?", question).strip()
        thought = f"\nThe question is about {row['focus']}. I should {plan.get(row['qtype'], 'answer it')}.\n"
        if int(row["id"].encode().hex(), 16) % 3 == 0:
            thought = "\n\n"
        texts.append(f"<｜begin▁of▁sentence｜><｜User｜>{question}<｜Assistant｜><think>{thought}</think>\n\n"
                     f"{row['answer'].strip()}<｜end▁of▁sentence｜>")
    return texts


golden = json.loads((arguments.checkpoint / "golden.json").read_text())["heldout_nll"]["general.heldout"]
print(f"transformers, float32     NLL {golden:.5f}  perplexity {math.exp(golden):.4f}")
recipes = [("f16", []), ("int8", []), ("int4", ["--group", "32"]), ("int4", ["--group", "64"]), ("int4", ["--group", "128"])]
with tempfile.TemporaryDirectory() as scratch:
    ids = None
    for kv in ["f32", "f16", "int8"]:
        for weights, extra in recipes:
            if kv != "f16" and weights != "f16":
                continue
            file = f"{scratch}/model.vial"
            subprocess.run([arguments.vial, "pack", arguments.checkpoint, "-o", file, "--weights", weights, *extra],
                           check=True, capture_output=True)
            if ids is None:
                ids = []
                text = pathlib.Path(scratch, "text.txt")
                for pair in heldout_text():
                    text.write_text(pair, "utf-8", newline="")
                    ids += run("tokenize", file, "--file", str(text))["tokens"]
                    if len(ids) > arguments.windows * WINDOW + 1:
                        break
            total = 0.0
            for window in range(arguments.windows):
                part = ids[window * WINDOW:window * WINDOW + WINDOW + 1]
                scores = run("score", file, "--ids", ",".join(map(str, part)), "--kv", kv)["logprobs"]
                total -= sum(scores[1:]) / WINDOW
            nll = total / arguments.windows
            size = pathlib.Path(file).stat().st_size / 1e6
            name = f"{weights} {' '.join(extra[1:])}".strip()
            print(f"{name:9} kv {kv:5} {size:6.2f} MB  NLL {nll:.5f}  perplexity {math.exp(nll):.4f}  ({nll - golden:+.5f})",
                  flush=True)
