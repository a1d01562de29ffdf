#!/usr/bin/env python3
"""Measures an engine under load: many at once, shared prefixes, long prompts beside answers, and open-loop arrivals.

    make libvial
    Tests/Benchmarks/load_test.py MODEL.vial batch prefix latency open [--rate 0.5] [--seconds 120]
    PEER/bin/python Tests/Benchmarks/load_test.py MODEL.vial batch --peer MODEL.gguf    # with llama-cpp-python
    OPENVINO/bin/python Tests/Benchmarks/load_test.py MODEL.vial batch --openvino FOLDER    # with OpenVINO GenAI

Prompts are ids drawn at random with a fixed seed; answers are greedy and as long as asked for.
"""
import argparse
import json
import os
import random
import time

from vial_engine import FINISHED, TOKEN, Engine

LIBRARY = os.path.join(os.path.dirname(__file__), "../../.build-libvial/lib/libvial.so.0")
PRIVATE, NO_SHARING = 2, 1


def ids(seed, count):
    draw = random.Random(seed)
    return [draw.randrange(1000, 100000) for _ in range(count)]


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def summary(values):
    return {f"p{int(share * 100)}": round(percentile(values, share), 4) for share in (0.5, 0.95, 0.99)}


class Watch:
    """When things happened to requests."""

    def __init__(self, engine):
        self.engine, self.submitted, self.tokens, self.ends = engine, {}, {}, {}

    def submit(self, prompt, count, **more):
        request = self.engine.submit(prompt, count, **more)
        if request is not None:
            self.submitted[request], self.tokens[request] = time.monotonic(), []
        return request

    def read(self, milliseconds=1000):
        """Takes one event; the request that ended, if one did."""
        event = self.engine.next_event(milliseconds)
        if event is None:
            return None
        request, kind = event
        if kind == TOKEN:
            self.tokens[request].append(time.monotonic())
        if kind == FINISHED:
            self.ends[request] = time.monotonic()
            return request
        return None

    def wait(self, requests):
        left = {request for request in requests if request not in self.ends}
        while left:
            left.discard(self.read())

    def first_token(self, request):
        return self.tokens[request][0] - self.submitted[request]

    def gaps(self, request, begin=0.0, end=float("inf")):
        times = self.tokens[request]
        return [b - a for a, b in zip(times, times[1:]) if begin <= a and b <= end]


def run_batch(engine, count, prompt=32, generate=128, together=True, flags=PRIVATE):
    """Tokens a second of `count` requests, together or one after another; also per second of processor time, which
    others on the machine disturb less."""
    watch = Watch(engine)
    start, work = time.monotonic(), time.process_time()
    if together:
        watch.wait([watch.submit(ids(seed, prompt), generate, flags=flags) for seed in range(count)])
    else:
        for seed in range(count):
            watch.wait([watch.submit(ids(seed, prompt), generate, flags=flags)])
    seconds, work = time.monotonic() - start, time.process_time() - work
    tokens = sum(len(times) for times in watch.tokens.values())
    ends = [times[-1] for times in watch.tokens.values()]
    apart = {"last_first_token": round(max(watch.first_token(request) for request in watch.tokens), 3),
             "ends_within": round(max(ends) - min(ends), 3)} if together else {}
    return {**apart, "tokens_per_second": round(tokens / seconds, 1), "per_processor_second": round(tokens / work, 1),
            "processors": round(work / seconds, 2)}


def batch(model, options):
    engine = Engine(LIBRARY, model, thread_count=options.threads)
    run_batch(engine, 2, generate=8)
    rounds = []
    for _ in range(options.rounds):
        one = run_batch(engine, 3, together=False)
        many = {count: run_batch(engine, count) for count in options.together}
        most = many[options.together[-1]]
        rounds.append({"one_after_another": one, **{f"together_{k}": v for k, v in many.items()},
                       "ratio": round(most["tokens_per_second"] / one["tokens_per_second"], 2),
                       "ratio_by_work": round(most["per_processor_second"] / one["per_processor_second"], 2)})
    engine.close()
    return rounds


def prefix(model, options):
    engine = Engine(LIBRARY, model, thread_count=options.threads)
    run_batch(engine, 1, generate=4)
    shared, times = ids(1000, 1000), []
    for seed in range(6):
        watch = Watch(engine)
        request = watch.submit(shared + ids(2000 + seed, 20), 4)
        watch.wait([request])
        times.append(round(watch.first_token(request), 4))
    engine.close()
    later = percentile(times[1:], 0.5)
    return {"first": times[0], "later": times[1:], "falls_by": round(1 - later / times[0], 4)}


def latency(model, options):
    """Gaps between tokens of some requests, alone and while a 4,000-token prompt is computed beside them."""
    engine = Engine(LIBRARY, model, thread_count=options.threads, step_prompt_tokens=options.step)
    results = []
    for running in options.running:
        watch = Watch(engine)
        long_answers = [watch.submit(ids(seed, 64), 4000, flags=PRIVATE) for seed in range(running)]
        while min(len(watch.tokens[request]) for request in long_answers) < 3:
            watch.read()
        begin = time.monotonic()
        while time.monotonic() - begin < 5:
            watch.read()
        idle_end = time.monotonic()
        request = watch.submit(ids(99, options.long), 1, flags=PRIVATE)
        while request not in watch.ends:
            watch.read()
        end = watch.ends[request]
        idle = [gap for one in long_answers for gap in watch.gaps(one, begin, idle_end)]
        mixed = [gap for one in long_answers for gap in watch.gaps(one, idle_end, end)]
        for one in long_answers:
            engine.close_request(one)
        results.append({"running": running, "idle": summary(idle), "mixed": summary(mixed),
                        "long_first_token": round(end - idle_end, 2), "mixed_gaps": len(mixed),
                        "p99_ratio": round(percentile(mixed, 0.99) / percentile(idle, 0.99), 2),
                        "p50_ratio": round(percentile(mixed, 0.5) / percentile(idle, 0.5), 2)})
        while engine.metrics().running:
            time.sleep(0.01)
    engine.close()
    return results


def arrivals(options, seed=5):
    """(time, prompt, answer length, tenant, adapter): Poisson arrivals, lengths as in a mixed day times a scale, one of
    three templates in front of half, an adapter under half when there are any."""
    draw, chooser, adapters = random.Random(seed), random.Random(seed + 1), options.adapters
    templates = [ids(777 + n, int(length * options.scale)) for n, length in enumerate((300, 200, 400))]
    moment, plan = 0.0, []
    while True:
        moment += draw.expovariate(options.rate)
        if moment > options.seconds:
            return plan
        length = int(draw.choice((32, 32, 128, 128, 512, 1500)) * options.scale)
        prompt = ids(len(plan), length)
        if draw.random() < 0.5:
            prompt = draw.choice(templates) + prompt
        # Drawn apart, so that the plan is the same without adapters.
        adapter = chooser.choice(adapters) if adapters and chooser.random() < 0.5 else ""
        plan.append((moment, prompt, int(draw.choice((32, 64, 128, 256)) * options.scale),
                     draw.choice((b"north", b"south", b"east")), adapter.encode()))


def open_loop(model, options):
    engine = Engine(LIBRARY, model, thread_count=options.threads, step_prompt_tokens=options.step,
                    cache_byte_limit=options.cache_mb * 1000000, flags=options.no_sharing)
    run_batch(engine, 1, generate=4)
    plan = arrivals(options)
    watch, requests, held = Watch(engine), [], 0
    start = time.monotonic()
    for moment, prompt, count, tenant, adapter in plan:
        while (left := start + moment - time.monotonic()) > 0:
            watch.read(max(1, int(left * 1000)))
            held = max(held, engine.metrics().held)
        requests.append(watch.submit(prompt, count, tenant=tenant, adapter=adapter))
    watch.wait(requests)
    seconds = time.monotonic() - start
    metrics = engine.metrics()
    tokens = sum(len(times) for times in watch.tokens.values())
    result = {"rate": options.rate, "requests": len(plan), "seconds": round(seconds, 1),
              "prompt_tokens": sum(len(p[1]) for p in plan), "generated": tokens,
              "tokens_per_second": round(tokens / seconds, 1),
              "first_token": summary([watch.first_token(request) for request in requests]),
              "token_gap": summary([gap for request in requests for gap in watch.gaps(request)]),
              "blocks": metrics.blocks, "blocks_held_at_most": held, "preemptions": metrics.preemptions,
              "computed_prompt_tokens": metrics.prompt_tokens, "cached_tokens": metrics.cached_tokens,
              "evictions": metrics.evictions}
    engine.close()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("tests", nargs="+", choices=["batch", "prefix", "latency", "open"])
    parser.add_argument("--peer", help="a GGUF file, for llama-cpp-python, interleaved with ours")
    parser.add_argument("--openvino", help="a folder that openvino_export.py wrote, for OpenVINO GenAI after ours")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--together", type=int, nargs="+", default=[4, 8, 16], help="requests at once in the batch test")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--step", type=int, default=0, help="prompt tokens of a mixed step; 0: the engine's choice")
    parser.add_argument("--long", type=int, default=4000)
    parser.add_argument("--running", type=int, nargs="+", default=[1, 4, 8], help="requests that answer meanwhile")
    parser.add_argument("--rate", type=float, default=0.5, help="arrivals a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--scale", type=float, default=1, help="of the open test's lengths")
    parser.add_argument("--cache-mb", type=int, default=900)
    parser.add_argument("--adapters", nargs="+", default=(), help="of the file, for half of the open test's requests")
    parser.add_argument("--no-sharing", action="store_const", const=NO_SHARING, default=0)
    options = parser.parse_args()
    ours = {"batch": batch, "prefix": prefix, "latency": latency, "open": open_loop}
    for test in options.tests:
        print(json.dumps({test: ours[test](options.model, options)}), flush=True)
        if options.peer:
            import load_test_peer

            print(json.dumps({f"{test}, llama.cpp": load_test_peer.run(test, options)}), flush=True)
        if options.openvino:
            import load_test_openvino

            print(json.dumps({f"{test}, OpenVINO GenAI": load_test_openvino.run(test, options)}), flush=True)


if __name__ == "__main__":
    main()
