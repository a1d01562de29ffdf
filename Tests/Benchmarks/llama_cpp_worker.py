"""llama.cpp, measured from a process of its own for compare_llama_cpp.py; runs in the environment that has llama-cpp-python.

usage: llama_cpp_worker.py MODEL.gguf THREADS MAXIMUM_SEQUENCES CONTEXT

Reads one test a line from stdin, JSON: {"test": "prefill", "prompt": N, "batch": M} or {"test": "decode", "generate": N,
"batch": M, "depth": D}; answers each with {"seconds": S}. The first line it writes is about opening. As in llama-bench,
tokens are made up and nothing is sampled; flash attention is on, the cache is f16, batch 2048, micro-batch 512."""
import ctypes, json, sys, time
import llama_cpp as ll

path, threads, sequences, context_length = sys.argv[1], *map(int, sys.argv[2:])
quiet = ll.llama_log_callback(lambda level, text, data: None)
ll.llama_log_set(quiet, ctypes.c_void_p(0))
ll.llama_backend_init()


def open_model():
    settings = ll.llama_model_default_params()
    settings.n_gpu_layers = 0
    model = ll.llama_model_load_from_file(path.encode(), settings)
    if not model:
        raise SystemExit(f"llama.cpp cannot open {path}")
    settings = ll.llama_context_default_params()
    settings.n_ctx = context_length
    settings.n_batch, settings.n_ubatch = 2048, 512
    settings.n_threads = settings.n_threads_batch = threads
    settings.n_seq_max = sequences
    settings.flash_attn_type = ll.LLAMA_FLASH_ATTN_TYPE_ENABLED
    if hasattr(settings, "kv_unified"):
        settings.kv_unified = sequences > 1
    context = ll.llama_init_from_model(model, settings)
    if not context:
        raise SystemExit("llama.cpp cannot make a context")
    return model, context


start = time.monotonic()
model, context = open_model()
opened = time.monotonic() - start
vocabulary = ll.llama_vocab_n_tokens(ll.llama_model_get_vocab(model))
batch = ll.llama_batch_init(2048, 0, 1)


def compute(items):
    """One call of llama_decode: (sequence, position, token, whether its logits are wanted) of each token."""
    batch.n_tokens = len(items)
    for i, (sequence, position, token, wanted) in enumerate(items):
        batch.token[i] = token
        batch.pos[i] = position
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = sequence
        batch.logits[i] = wanted
    if ll.llama_decode(context, batch) != 0:
        raise SystemExit("llama_decode failed")
    ll.llama_synchronize(context)


def token(sequence, position):
    return (position * 7919 + sequence * 104729 + 1) % vocabulary


def fill(count, sequence_count, first=0):
    """`count` more tokens of every sequence, 2048 at a time; only the last one's logits."""
    items = [(s, p, token(s, p), p == first + count - 1) for s in range(sequence_count) for p in range(first, first + count)]
    for begin in range(0, len(items), 2048):
        compute(items[begin:begin + 2048])


def forget():
    ll.llama_memory_clear(ll.llama_get_memory(context), True)


compute([(0, p, token(0, p), p == 15) for p in range(16)])
first_token = time.monotonic() - start
with open("/proc/self/status") as status:
    anonymous = next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))
print(json.dumps({"open_seconds": opened, "first_token_seconds": first_token, "anonymous_bytes": anonymous * 1024,
                  "system": ll.llama_print_system_info().decode()}), flush=True)
for line in sys.stdin:
    test = json.loads(line)
    forget()
    if test["test"] == "prefill":
        fill(min(256, test["prompt"]), 1)  # as vial bench does
        forget()
        start = time.monotonic()
        fill(test["prompt"], test["batch"])
        seconds = time.monotonic() - start
    else:
        if test["depth"]:
            fill(test["depth"], test["batch"])
        steps = [[(s, test["depth"] + i, token(s, i), True) for s in range(test["batch"])]
                 for i in range(test["generate"] + 2)]
        for items in steps[:2]:
            compute(items)
        start = time.monotonic()
        for items in steps[2:]:
            compute(items)
        seconds = time.monotonic() - start
    print(json.dumps({"seconds": seconds}), flush=True)
