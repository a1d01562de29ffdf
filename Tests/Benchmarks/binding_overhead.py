#!/usr/bin/env python3
"""Measures what the Python package adds to libvial: per token, to a whole engine, and to a start.

Usage: VIAL_LIBRARY=.build-libvial/lib/libvial.so.0 PYTHONPATH=bindings/python/src binding_overhead.py
       [--model FILE] [--tokens 500] [--requests 200] [--rounds 5]

C and Python take turns, each in processes of its own; medians of the rounds. "read" is the CPU time
of the thread that takes the events of a finished request, texts included. "many" is so many requests
at once: wall clock, and the CPU time of the process, which others on the machine disturb less.
Owns: the comparison. Must not: state figures.
"""

import argparse
import asyncio
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def options(tokens, seed=0):
    return {"tokens": [1, 2, 3, 4], "max_tokens": tokens, "seed": seed, "sampling": {
        "temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0, "repetition_penalty": 1, "flags": 1}}


def worker(how, model, tokens, requests):
    """Prints what binding_overhead.c prints."""
    import vial

    engine = vial.Engine(vial.Model(model))
    if how == "threads":
        request = engine.submit(**options(tokens))
        while request.info.state != vial.RequestState.FINISHED:
            time.sleep(0.005)
        start, count, length = time.thread_time(), 0, 0
        for event in request:
            count += 1
            length += len(event.text)
        print("read", time.thread_time() - start, count)

    async def read_one():
        async with engine.stream(**options(tokens)) as stream:
            while stream.info.state != vial.RequestState.FINISHED:
                time.sleep(0.005)  # The loop stands still: nothing is read before the end.
            start, count, length = time.thread_time(), 0, 0
            async for event in stream:
                count += 1
                length += len(event.text)
            print("read", time.thread_time() - start, count)

    async def read_stream(seed):
        count = 0
        async with engine.stream(**options(tokens, seed)) as stream:
            async for _ in stream:
                count += 1
        return count

    async def read_many():
        start, cpu, thread = time.monotonic(), time.process_time(), time.thread_time()
        count = sum(await asyncio.gather(*(read_stream(seed) for seed in range(requests))))
        print("many", time.monotonic() - start, time.process_time() - cpu, count)
        print("loop", time.thread_time() - thread, count)

    if how == "asyncio":
        asyncio.run(read_one())
        asyncio.run(read_many())


def run(command):
    """The lines of a program as {first word: numbers}."""
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {words[0]: [float(word) for word in words[1:]] for words in map(str.split, output.splitlines())}


def import_milliseconds(clock):
    """The shortest of 15 imports, by a clock of the module time."""
    code = f"import time; start = time.{clock}(); import vial; print(time.{clock}() - start)"
    return min(float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
               for _ in range(15)) * 1000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default=str(ROOT / "Sources/VialCommand/Resources/demo.vial"))
    parser.add_argument("--tokens", type=int, default=500)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        return worker(given.worker, given.model, given.tokens, given.requests)
    library = pathlib.Path(os.environ["VIAL_LIBRARY"]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/binding_overhead"
        subprocess.run(["gcc", "-std=c99", "-Wall", "-Wextra", "-O2", f"-I{ROOT}/Include",
                        str(ROOT / "Tests/Benchmarks/binding_overhead.c"), "-o", program, str(library),
                        f"-Wl,-rpath,{library.parent}"], check=True)
        sizes = [given.model, str(given.tokens), str(given.requests)]
        again = [sys.executable, __file__, "--model", sizes[0], "--tokens", sizes[1], "--requests", sizes[2]]
        rounds = [{"C": run([program, *sizes]), "threads": run(again + ["--worker", "threads"]),
                   "asyncio": run(again + ["--worker", "asyncio"])} for _ in range(given.rounds)]

    def median(of):
        return statistics.median(of(one) for one in rounds)

    for who in ("C", "threads", "asyncio"):
        each = median(lambda one: one[who]["read"][0] / one[who]["read"][1]) * 1e6
        more = median(lambda one: one[who]["read"][0] / one[who]["read"][1] - one["C"]["read"][0] / one["C"]["read"][1])
        print(f"{who}: {each:.2f} us for each event of a finished request, {more * 1e6:.2f} more than C")
    loop = median(lambda one: one["asyncio"]["loop"][0] / one["asyncio"]["loop"][1]) * 1e6
    print(f"asyncio: {loop:.2f} us of the loop's thread for each event of {given.requests} requests at once")
    for who in ("C", "asyncio"):
        speed = median(lambda one: one[who]["many"][2] / one[who]["many"][0])
        print(f"{who}: {speed:.0f} events/s, {median(lambda one: one[who]['many'][1]):.2f} s of CPU")
    for name, index in (("throughput", 0), ("CPU time", 1)):
        ratio = median(lambda one: one["C"]["many"][index] / one["asyncio"]["many"][index])
        print(f"C's {name} / asyncio's: {ratio:.3f}")
    wall, cpu = import_milliseconds("perf_counter"), import_milliseconds("process_time")
    print(f"import vial: {wall:.1f} ms, {cpu:.1f} ms of CPU (the shortest of 15)")


if __name__ == "__main__":
    main()
