"""Owns: the tests of load_test.py on llama-cpp-python. Its `Llama` class answers one request at a time; several at once
go through its low-level functions, batched here as simply as can be: all sequences together, a token each per step."""
import time

import llama_cpp as ll
import numpy as np

import load_test


# Kept: the library calls it for as long as it lives.
SILENCE = ll.llama_log_callback(lambda *_: None)


class Peer:
    def __init__(self, path, threads, sequences=1, context=8192):
        ll.llama_log_set(SILENCE, None)
        ll.llama_backend_init()
        self.model = ll.llama_model_load_from_file(path.encode(), ll.llama_model_default_params())
        parameters = ll.llama_context_default_params()
        parameters.n_ctx, parameters.n_batch, parameters.n_ubatch = context, 512, 512
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.n_seq_max = sequences
        if hasattr(parameters, "flash_attn_type"):
            parameters.flash_attn_type = 1
        if hasattr(parameters, "kv_unified"):
            parameters.kv_unified = True
        self.context = ll.llama_init_from_model(self.model, parameters)
        self.vocabulary = ll.llama_vocab_n_tokens(ll.llama_model_get_vocab(self.model))
        self.batch = ll.llama_batch_init(512, 0, 1)

    def decode(self, items):
        """(token, position, sequence, wants logits); the greedy ids of those that want them."""
        self.batch.n_tokens = len(items)
        for index, (token, position, sequence, wanted) in enumerate(items):
            self.batch.token[index], self.batch.pos[index] = token, position
            self.batch.n_seq_id[index], self.batch.seq_id[index][0] = 1, sequence
            self.batch.logits[index] = wanted
        if ll.llama_decode(self.context, self.batch) != 0:
            raise RuntimeError("llama_decode failed")
        return [int(np.argmax(np.ctypeslib.as_array(ll.llama_get_logits_ith(self.context, index),
                                                    shape=(self.vocabulary,))))
                for index, item in enumerate(items) if item[3]]

    def prefill(self, tokens, sequence=0, first=0):
        result = []
        for begin in range(first, len(tokens), 512):
            chunk = tokens[begin:begin + 512]
            result = self.decode([(token, begin + index, sequence, begin + index == len(tokens) - 1)
                                  for index, token in enumerate(chunk)])
        return result[0]

    def clear(self):
        ll.llama_memory_clear(ll.llama_get_memory(self.context), True)

    def together(self, count, prompt=32, generate=128):
        self.clear()
        start = time.monotonic()
        prompts = [load_test.ids(seed, prompt) for seed in range(count)]
        last = [self.prefill(tokens, sequence) for sequence, tokens in enumerate(prompts)]
        for step in range(generate - 1):
            last = self.decode([(last[s], prompt + step, s, True) for s in range(count)])
        return round(count * generate / (time.monotonic() - start), 1)

    def close(self):
        ll.llama_free(self.context)
        ll.llama_model_free(self.model)


def batch(options):
    peer = Peer(options.peer, options.threads, sequences=max(options.together))
    peer.together(2, generate=8)
    rounds = []
    for _ in range(options.rounds):
        rounds.append({"one": peer.together(1), **{f"together_{n}": peer.together(n) for n in options.together}})
    peer.close()
    return rounds


def prefix(options):
    """The second prompt begins where the first one's sequence agrees with it."""
    peer = Peer(options.peer, options.threads)
    peer.together(1, generate=4)
    shared, times = load_test.ids(1000, 1000), []
    for seed in range(4):
        tokens = shared + load_test.ids(2000 + seed, 20)
        first = 0 if seed == 0 else 1000
        if seed == 0:
            peer.clear()
        else:
            ll.llama_memory_seq_rm(ll.llama_get_memory(peer.context), 0, 1000, -1)
        start = time.monotonic()
        peer.prefill(tokens, 0, first)
        times.append(round(time.monotonic() - start, 4))
    peer.close()
    return {"first": times[0], "later": times[1:], "note": "one sequence kept by hand; no sharing between sequences"}


def open_loop(options):
    """What `Llama` does with arrivals: one after another, in order."""
    peer = Peer(options.peer, options.threads)
    peer.together(1, generate=4)
    first, gaps, tokens = [], [], 0
    start = time.monotonic()
    for moment, prompt, count, *_ in load_test.arrivals(options):
        time.sleep(max(0, start + moment - time.monotonic()))
        peer.clear()
        last = peer.prefill(prompt)
        before = time.monotonic()
        first.append(before - start - moment)
        for step in range(count - 1):
            last = peer.decode([(last, len(prompt) + step, 0, True)])[0]
            now = time.monotonic()
            gaps.append(now - before)
            before = now
        tokens += count
    seconds = time.monotonic() - start
    peer.close()
    return {"rate": options.rate, "requests": len(first), "seconds": round(seconds, 1), "generated": tokens,
            "tokens_per_second": round(tokens / seconds, 1), "first_token": load_test.summary(first),
            "token_gap": load_test.summary(gaps)}


def run(test, options):
    known = {"batch": batch, "prefix": prefix, "open": open_loop}
    return known[test](options) if test in known else "cannot do the same: no batching of its own"
