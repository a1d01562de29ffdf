"""Owns: load_test.py's batch test on OpenVINO GenAI's continuous batching pipeline, with the settings of openvino_worker.py.
Its steps are made here, one after another, as its own threads would make them."""
import time

import numpy
import openvino
import openvino_genai as genai

import load_test


def open_pipeline(options):
    scheduler = genai.SchedulerConfig()
    scheduler.max_num_batched_tokens = 2048
    scheduler.max_num_seqs = 16
    scheduler.enable_prefix_caching = False
    scheduler.num_kv_blocks = 16 * 8 + 16
    return genai.ContinuousBatchingPipeline(
        options.openvino, scheduler, "CPU",
        {"INFERENCE_NUM_THREADS": options.threads, "DYNAMIC_QUANTIZATION_GROUP_SIZE": 128, "KV_CACHE_PRECISION": "f16"})


def together(pipeline, count, prompt=32, generate=128):
    """Tokens a second of `count` requests that are added at once, prompts included."""
    config = genai.GenerationConfig()
    config.max_new_tokens, config.ignore_eos, config.do_sample = generate, True, False
    start, work = time.monotonic(), time.process_time()
    handles = [pipeline.add_request(seed, openvino.Tensor(
        numpy.array([load_test.ids(seed, prompt)], dtype=numpy.int64)), config) for seed in range(count)]
    tokens, first = 0, None
    while pipeline.has_non_finished_requests():
        pipeline.step()
        for handle in handles:
            while handle.can_read():
                tokens += sum(len(output.generated_ids) for output in handle.read().values())
                first = first or time.monotonic() - start
    seconds, work = time.monotonic() - start, time.process_time() - work
    assert tokens == count * generate, tokens
    return {"tokens_per_second": round(tokens / seconds, 1), "per_processor_second": round(tokens / work, 1),
            "processors": round(work / seconds, 2), "first_token": round(first, 3)}


def run(test, options):
    if test != "batch":
        return "not measured"
    pipeline = open_pipeline(options)
    # The first use of a shape compiles it.
    for count in (1, *options.together):
        together(pipeline, count, generate=3)
    return [{"one": together(pipeline, 1), **{f"together_{n}": together(pipeline, n) for n in options.together}}
            for _ in range(options.rounds)]
