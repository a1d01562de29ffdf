"""llama.cpp's formats of a checkpoint, made and measured through llama-cpp-python: for quality_table.py.

The importance matrix is what llama.cpp's own tool gathers, the mean square of each input of each matrix over the
calibration text, computed here in float32 with numpy."""
import ctypes, json, pathlib, subprocess, sys

import gguf
import llama_cpp
import numpy as np

# llama_ftype, and whether the importance matrix is used
FORMATS = {
    "Q4_K_M, imatrix": (15, True), "Q4_K_M": (15, False), "Q4_0, imatrix": (2, True), "Q4_0": (2, False), "Q8_0": (7, False)}
MODULES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}


def weights_of(folder):
    weights = {}
    for file in sorted(folder.glob("*.safetensors")):
        data = file.read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        for name, entry in json.loads(data[8:start]).items():
            if name == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            raw = data[start + begin:start + end]
            if entry["dtype"] == "BF16":
                values = (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
            else:
                values = np.frombuffer(raw, {"F32": "<f4", "F16": "<f2"}[entry["dtype"]]).astype("<f4")
            weights[name] = values.reshape(entry["shape"])
    return weights


def importance(folder, ids, window):
    """Mean square of every input of every matrix, by llama.cpp's name."""
    config = json.loads((folder / "config.json").read_text())
    weights = weights_of(folder)
    heads, key_heads = config["num_attention_heads"], config.get("num_key_value_heads", config["num_attention_heads"])
    dim = config.get("head_dim") or config["hidden_size"] // heads
    angles = np.arange(window)[:, None] * config.get("rope_theta", 10000.0) ** (-np.arange(0, dim, 2) / dim)
    cosine, sine = np.cos(angles).astype("f4"), np.sin(angles).astype("f4")
    mask = np.triu(np.full((window, window), -1e30, "f4"), 1)
    squares, count = {}, 0

    def note(name, x):
        squares[name] = squares.get(name, 0) + np.square(x, dtype="f8").sum(0)

    def norm(x, name):
        return x / np.sqrt(np.square(x).mean(-1, keepdims=True) + config["rms_norm_eps"]) * weights[name]

    def rotate(x):
        a, b = x[..., :dim // 2], x[..., dim // 2:]
        return np.concatenate([a * cosine - b * sine, b * cosine + a * sine], -1)

    for begin in range(0, len(ids) - window + 1, window):
        x = weights["model.embed_tokens.weight"][ids[begin:begin + window]]
        count += window
        for layer in range(config["num_hidden_layers"]):
            prefix = f"model.layers.{layer}."

            def product(module, x):
                note(f"blk.{layer}.{MODULES[module]}.weight", x)
                out = x @ weights[prefix + module + ".weight"].T
                return out + weights.get(prefix + module + ".bias", np.float32(0))

            y = norm(x, prefix + "input_layernorm.weight")
            q, k, v = (
                product("self_attn." + part, y).reshape(window, -1, dim).swapaxes(0, 1)
                for part in ("q_proj", "k_proj", "v_proj"))
            q, k = rotate(q), np.repeat(rotate(k), heads // key_heads, 0)
            scores = q @ k.swapaxes(1, 2) / np.float32(dim ** 0.5) + mask
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            y = scores / scores.sum(-1, keepdims=True) @ np.repeat(v, heads // key_heads, 0)
            x = x + product("self_attn.o_proj", y.swapaxes(0, 1).reshape(window, -1))
            y = norm(x, prefix + "post_attention_layernorm.weight")
            gate = product("mlp.gate_proj", y)
            x = x + product("mlp.down_proj", gate / (1 + np.exp(-gate)) * product("mlp.up_proj", y))
        # llama.cpp calls the head by the embedding's name when they are one.
        y = norm(x, "model.norm.weight")
        note("token_embd.weight" if config.get("tie_word_embeddings") else "output.weight", y)
    return {name: (square / count).astype("f4") for name, square in squares.items()}


def quantize(source, target, ftype, matrix):
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = ftype
    parameters.nthread = 2
    entries = (llama_cpp.llama_model_imatrix_data * (len(matrix) + 1))()
    for entry, (name, values) in zip(entries, matrix.items()):
        entry.name = name.encode()
        entry.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        entry.size = values.size
    if matrix:
        parameters.imatrix = ctypes.cast(entries, ctypes.POINTER(llama_cpp.llama_model_imatrix_data))
    if llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(parameters)):
        sys.exit(f"llama.cpp cannot make {target}")


def log_probabilities(path, ids, window, skip):
    model = llama_cpp.Llama(str(path), n_ctx=window, n_batch=window, logits_all=True, n_threads=2, verbose=False)
    for begin in range(0, len(ids), window):
        part = ids[begin:begin + window]
        if len(part) <= skip:
            continue
        model.reset()
        model.eval(part)
        logits = np.array(model.scores[skip:len(part)], dtype="f8")
        logits -= logits.max(-1, keepdims=True)
        yield logits - np.log(np.exp(logits).sum(-1, keepdims=True)), part[skip + 1:]
    model.close()


def compare(base, other, ids, window, skip):
    divergences, same, loss, scored = [], 0, 0.0, 0
    pairs = zip(log_probabilities(base, ids, window, skip), log_probabilities(other, ids, window, skip))
    for (a, targets), (b, _) in pairs:
        divergences.append((np.exp(a) * (a - b)).sum(-1))
        same += int((a.argmax(-1) == b.argmax(-1)).sum())
        loss -= b[np.arange(len(targets)), targets].sum()
        scored += len(targets)
    values = np.concatenate(divergences)
    mean, error = values.mean(), values.std() / len(values) ** 0.5
    return {
        "mean_kl": mean, "mean_kl_interval": [mean - 1.96 * error, mean + 1.96 * error], "same_top": same / len(values),
        "perplexity_b": float(np.exp(loss / scored))}


def sizes(path):
    """What quality_table.py's function of that name gives, for a GGUF file."""
    tensors = gguf.GGUFReader(path).tensors
    layers = [t for t in tensors if t.name.startswith("blk.") and len(t.shape) == 2]

    def bits(some):
        return sum(int(t.n_bytes) for t in some) * 8 / sum(int(t.n_elements) for t in some)

    return {"layer_bits": bits(layers), "bits": bits(tensors), "weights": sum(int(t.n_bytes) for t in tensors)}


class Peer:
    """Formats of one checkpoint, against its f16."""

    def __init__(self, folder, scratch, ids, calibration, window, skip):
        self.base, self.scratch, self.ids, self.window, self.skip = scratch / "f16.gguf", scratch, ids, window, skip
        script = pathlib.Path(__file__).parent.parent / "Scripts" / "make_gguf.py"
        subprocess.run([sys.executable, script, folder, self.base, "--type", "F16", "--edge", "F16"], check=True)
        self.folder, self.calibration = folder, calibration

    def measure(self, name):
        """Bytes of the file, bits a weight and figures of one format."""
        ftype, is_weighted = FORMATS[name]
        path = self.scratch / "now.gguf"
        quantize(self.base, path, ftype, importance(self.folder, self.calibration, self.window) if is_weighted else {})
        return {"file": path.stat().st_size, **sizes(path), **compare(self.base, path, self.ids, self.window, self.skip)}
