"""OpenVINO GenAI, measured from a process of its own for compare_llama_cpp.py; runs in an environment that has openvino-genai.

usage: openvino_worker.py FOLDER THREADS MAXIMUM_SEQUENCES CONTEXT

The same lines as llama_cpp_worker.py. Its continuous batching pipeline is driven step by step: prompts of made-up tokens,
greedy, end tokens ignored, prefix caching off. Dynamic quantisation of activations in groups of 128, its fastest setting."""
import json, sys, time
import numpy
import openvino
import openvino_genai as genai

folder, threads, sequences, context_length = sys.argv[1], *map(int, sys.argv[2:])


def open_model():
    scheduler = genai.SchedulerConfig()
    scheduler.max_num_batched_tokens = 2048
    scheduler.max_num_seqs = sequences
    scheduler.enable_prefix_caching = False
    scheduler.num_kv_blocks = -(-context_length // 32) + 2 * sequences + 8
    return genai.ContinuousBatchingPipeline(
        folder, scheduler, "CPU",
        {"INFERENCE_NUM_THREADS": threads, "DYNAMIC_QUANTIZATION_GROUP_SIZE": 128, "KV_CACHE_PRECISION": "f16"})


class Requests:
    """Sequences that answer together."""

    def __init__(self, count, prompt, generate):
        config = genai.GenerationConfig()
        config.max_new_tokens, config.ignore_eos, config.do_sample = generate, True, False
        ids = [[(p * 7919 + s * 104729 + 1) % 151000 for p in range(prompt)] for s in range(count)]
        self.generated = [0] * count
        self.handles = [
            pipeline.add_request(s, openvino.Tensor(numpy.array([ids[s]], dtype=numpy.int64)), config)
            for s in range(count)]

    def step(self):
        pipeline.step()
        for number, handle in enumerate(self.handles):
            while handle.can_read():
                for output in handle.read().values():
                    self.generated[number] += len(output.generated_ids)

    def finish(self):
        while pipeline.has_non_finished_requests():
            self.step()


start = time.monotonic()
pipeline = open_model()
opened = time.monotonic() - start
Requests(1, 16, 1).finish()
first_token = time.monotonic() - start
with open("/proc/self/status") as status:
    anonymous = next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))
print(json.dumps({"open_seconds": opened, "first_token_seconds": first_token, "anonymous_bytes": anonymous * 1024,
                  "system": f"OpenVINO GenAI {genai.__version__}"}), flush=True)
for line in sys.stdin:
    test = json.loads(line)
    if test["test"] == "prefill":
        Requests(1, test["prompt"], 1).finish()  # the first call of a shape compiles
        requests = Requests(test["batch"], test["prompt"], 1)
        start = time.monotonic()
        requests.finish()
        seconds = time.monotonic() - start
    else:
        requests = Requests(test["batch"], max(test["depth"], 1), test["generate"] + 4)
        while min(requests.generated) < 3:
            requests.step()
        before, start = sum(requests.generated), time.monotonic()
        for _ in range(test["generate"]):
            requests.step()
        seconds = time.monotonic() - start
        done = sum(requests.generated) - before
        if done != test["batch"] * test["generate"]:  # a step that did not serve everyone: per token, then
            seconds *= test["batch"] * test["generate"] / done
        requests.finish()
    print(json.dumps({"seconds": seconds}), flush=True)
