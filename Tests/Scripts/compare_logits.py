#!/usr/bin/env python3
"""Compares `vial score --logits` with the golden logits that Hugging Face transformers gave for a checkpoint.

usage: compare_logits.py VIAL CHECKPOINT_DIR... [--weights f16] [--kv f32]

For each checkpoint folder with a golden.json: packs it, scores the golden ids and prints the largest absolute
difference of a logit, whether every arg max agrees, and the greedy continuation's agreement where there is one."""
import argparse, json, math, pathlib, subprocess, sys, tempfile

parser = argparse.ArgumentParser()
parser.add_argument("vial")
parser.add_argument("folders", nargs="+", type=pathlib.Path)
parser.add_argument("--weights", default="f16")
parser.add_argument("--kv", default="f32")
parser.add_argument("--limit", type=float, default=2e-2)
parser.add_argument("--isa")
arguments = parser.parse_args()
isa = ["--isa", arguments.isa] if arguments.isa else []


def score(file, ids):
    out = subprocess.run(
        [arguments.vial, "score", file, "--ids", ",".join(map(str, ids)), "--logits", "--json", "--kv", arguments.kv, *isa],
        check=True, capture_output=True)
    return json.loads(out.stdout)["logits"]


def difference(mine, golden):
    return max(abs(a - b) for row, truth in zip(mine, golden) for a, b in zip(row, truth))


def best(row):
    return max(range(len(row)), key=row.__getitem__)


failed = False
with tempfile.TemporaryDirectory() as scratch:
    for folder in arguments.folders:
        golden = json.loads((folder / "golden.json").read_text())
        file = f"{scratch}/model.vial"
        subprocess.run([arguments.vial, "pack", folder, "-o", file, "--weights", arguments.weights], check=True,
                       capture_output=True)
        worst, agreed, total = 0.0, 0, 0
        if "token_ids" in golden:
            logits = score(file, golden["token_ids"])
            rows = golden.get("logits_rows", range(len(logits)))
            worst = difference([logits[r] for r in rows], golden["logits"])
            agreed += sum(best(row) == truth for row, truth in zip(logits, golden["argmax"]))
            total += len(golden["argmax"])
        if "prompt_ids" in golden:
            logits = score(file, golden["prompt_ids"])
            worst = max(worst, difference(logits[-1:], [golden["prompt_logits_last"]]))
            agreed += sum(best(row) == truth for row, truth in zip(logits, golden["prompt_argmax_all"]))
            total += len(golden["prompt_argmax_all"])
        if "long_token_ids" in golden:
            logits = score(file, golden["long_token_ids"])
            worst = max(worst, difference(logits[-1:], [golden["long_logits_last"]]))
            agreed += sum(best(row) == truth for row, truth in zip(logits, golden["long_argmax"]))
            total += len(golden["long_argmax"])
        said = []
        for generation in golden.get("generations", []):
            out = subprocess.run(
                [arguments.vial, "run", file, "--ids", ",".join(map(str, generation["prompt_ids"])), "--temperature", "0",
                 "--max-tokens", str(len(generation["greedy_ids"])), "--kv", arguments.kv, "--json", *isa], check=True,
                capture_output=True)
            answer, wanted = json.loads(out.stdout), generation["greedy_ids"]
            # Vial leaves the end token out of `tokens`; transformers' text ends with it.
            end = json.loads((folder / "config.json").read_text())["eos_token_id"]
            mine = answer["tokens"] + ([end] if answer["finish_reason"] == "stop" else [])
            if wanted[:len(generation["prompt_ids"])] == generation["prompt_ids"]:
                wanted = wanted[len(generation["prompt_ids"]):]
            same = next((i for i, (a, b) in enumerate(zip(mine, wanted)) if a != b), min(len(mine), len(wanted)))
            said.append(f"{same}/{len(wanted)}")
        greedy = golden.get("greedy") or golden.get("greedy_from_bos_256")
        note = f", greedy texts {' '.join(said)} the same" if said else ""
        if greedy:
            prompt = golden.get("greedy_prompt") or golden["prompt_ids"][:1]
            # transformers' `greedy` includes the prompt in some folders and leaves it out in others.
            wanted = greedy[len(prompt):] if greedy[:len(prompt)] == prompt else greedy
            out = subprocess.run(
                [arguments.vial, "run", file, "--ids", ",".join(map(str, prompt)), "--temperature", "0", "--max-tokens",
                 str(len(wanted)), "--kv", arguments.kv, "--json", *isa], check=True, capture_output=True)
            mine = json.loads(out.stdout)["tokens"]
            same = next((i for i, (a, b) in enumerate(zip(mine, wanted)) if a != b), min(len(mine), len(wanted)))
            note = f", greedy {same}/{len(wanted)} the same"
        ok = worst <= arguments.limit and math.isfinite(worst)
        failed |= not ok
        print(f"{'ok ' if ok else 'BAD'} {folder.name:28} max |difference| {worst:.2e}, arg max {agreed}/{total}{note}", flush=True)
sys.exit(failed)
