#!/usr/bin/env python3
"""What adapters cost: decoding a batch without adapters, with one, and with a different one for every sequence.

usage: adapter_throughput.py VIAL FILE NAMES [--batch 8] [--depth 64] [--generate 16] [--rounds 9] [--threads N]

FILE has the adapters NAMES (a,b,…), one for each sequence of the batch. The three kinds take turns, because a shared
machine is not the same from minute to minute; each round gives one ratio, and their median is what is quoted."""
import argparse, json, statistics, subprocess

parser = argparse.ArgumentParser()
parser.add_argument("vial")
parser.add_argument("file")
parser.add_argument("names")
for name, default in (("batch", 8), ("depth", 64), ("generate", 16), ("rounds", 9), ("threads", 0)):
    parser.add_argument("--" + name, type=int, default=default)
arguments = parser.parse_args()


def speed(adapters):
    command = [arguments.vial, "bench", arguments.file, "--prompt", "0", "--json", "--adapters", adapters]
    for name in ("batch", "depth", "generate"):
        command += ["--" + name, str(getattr(arguments, name))]
    if arguments.threads:
        command += ["--threads", str(arguments.threads)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)[0]["tokens_per_second"]


kinds = {"none": "none", "one": arguments.names.split(",")[0], "all": arguments.names}
speeds = {kind: [] for kind in kinds}
for _ in range(arguments.rounds):
    for kind, adapters in kinds.items():
        speeds[kind].append(speed(adapters))
for kind in kinds:
    ratios = sorted(a / b for a, b in zip(speeds[kind], speeds["none"]))
    print(f"{kind:5} {statistics.median(speeds[kind]):8.1f} tokens/s, {statistics.median(ratios):.3f} of none "
          f"({ratios[0]:.3f} to {ratios[-1]:.3f})")
