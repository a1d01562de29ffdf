#!/usr/bin/env python3
"""Make Tests/Fixtures/tokenizers and Tests/Fixtures/templates.

Trains three small tokenizers of our own on the text below with Hugging Face `tokenizers`, writes the
ids that the library gives to nasty strings, its decoding of random ids, and transformers' rendering
of our chat templates. Everything here is ours; nothing is downloaded. Deterministic for the versions
named in VERSIONS.

usage: make_tokenizer_fixtures.py
"""
import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tokenizers
import transformers
from compare_tokenizers import random_text
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

VERSIONS = ("0.23.3", "5.23.0")
ROOT = pathlib.Path(__file__).resolve().parents[1] / "Fixtures"
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = CONTRACTIONS + r"\p{N}" + REST
LLAMA3 = CONTRACTIONS + r"\p{N}{1,3}" + REST

TEXT = """
The patient is a 45-year-old woman with type 2 diabetes who presents with three days of fever and cough.
Her temperature is 38.5 \u00b0C, blood pressure 120/80 mmHg, pulse 96 per minute and SpO2 94% on room air.
She doesn't smoke, and she's taking metformin 500 mg twice daily; we'll check HbA1c and creatinine.
Anemia means that the blood carries less oxygen than the body needs; iron deficiency is the usual cause.
Symptoms are tiredness, pale skin, shortness of breath, dizziness and cold hands and feet.
Treatment depends on the cause: iron tablets, vitamin B12 injections or, rarely, a blood transfusion.
Asthma narrows the airways. Wheezing, coughing and a tight chest come and go, often at night.
Take two puffs of the inhaler every four to six hours as needed, and see a doctor if it isn't enough.
Differential diagnosis: pneumonia, acute bronchitis, influenza, COVID-19, pulmonary embolism.
Plan:\n  1. Chest X-ray\n  2. Blood cultures, CBC, CRP\n  3. Amoxicillin 1 g q8h for 5 days\n
High blood pressure rarely has symptoms. Measure it at rest, twice, and write down both numbers.
Na\u00efve T cells, caf\u00e9-au-lait spots, M\u00e9ni\u00e8re's disease and Sj\u00f6gren's syndrome keep their accents.
Der Patient klagt \u00fcber Husten und Fieber. Le patient a de la fi\u00e8vre. El paciente tiene fiebre.
\u53d1\u70ed\u3001\u54b3\u55fd\u4e09\u5929\u3002 \u0416\u0430\u0440 \u0438 \u043a\u0430\u0448\u0435\u043b\u044c. \u039f \u03b1\u03c3\u03b8\u03b5\u03bd\u03ae\u03c2 \u03ad\u03c7\u03b5\u03b9 \u03c0\u03c5\u03c1\u03b5\u03c4\u03cc.
""".strip().split("\n")

NASTY = [
    "", " ", "  ", "\n", "\r\n", "\t", "a", " a", "a ", "a\r\nb", "a \n b", "word   \n\n\n  next", "\u00a0x\u2003y",
    "x" * 300, "ab" * 200, "1234567890", "5\u00bd \u00b5g\u00b7kg\u207b\u00b9", "e\u0301 vs \u00e9", "A\u030a \u00c5 \u212b", "\ufb01 \u00bd \u00b2",
    "\u1100\u1161\u11a8 \uac01 \uac00\u11a8", "\u0915\u094d\u0937\u093f", "q\u0323\u0307 q\u0307\u0323", "\U0001d15e", "\u0344", "\u0958\u09dc",
    "a" + "\u0301\u0323" * 40, "\U00011938 \U00011935\U00011930", "\u0897\u0323", "\U0001f469\u200d\u2695\ufe0f\U0001f48a", "\ufeffBOM", "ctl\u0001\u0007\u0000x",
    "\u2028line\u2029para", "'s 'S 'LL 'd 'D ''s", "'\u017fx", "\u2019s", "\u0663\u0664\u0665 \u096b \u2167 \u2460", "\u2581x\u2581 y", "<0x41><0xE2>", "\U0010ffff\ufffd\ufffe",
    "\u01c6 \u00df \u1e9e \u0130", "\U0001d4b3\U0001d4ce", "!!!???...", " \n \n ", "\t\t\tcode", "    indented", "\u180e x", "\u0085\u0085a",
]


def added(text, special, **flags):
    return AddedToken(text, special=special, normalized=flags.pop("normalized", False), **flags)


def bos_template(bos, number):
    return processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, number)])


def byte_level(name, regex, normalizer, ignore_merges, tokens, bos):
    t = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer:
        t.normalizer = normalizer
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(regex), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=720, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    t.train_from_iterator(TEXT, trainer)
    t.add_tokens(tokens)
    t.post_processor = bos_template(bos, t.token_to_id(bos))
    return name, t


def qwen_style():
    return byte_level(
        "byte-nfc", QWEN2, normalizers.NFC(), False,
        [added("<|end|>", True), added("<|user|>", False), added("<|assistant|>", False), added("<|begin|>", True),
         added("<think>", False), added("</think>", False), added("<|user|>x", False),
         added("mg/dL", False, normalized=True), added("caf\u00e9", False, normalized=True, single_word=True),
         added("[MASK]", True, lstrip=True), added("[R]", False, rstrip=True), added("[W]", False, single_word=True)],
        "<|begin|>")


def llama3_style():
    tokens = [added(f"<|{n}|>", True) for n in
              ["begin_of_text", "end_of_text", "start_header_id", "end_header_id", "eot_id", "reserved_0"]]
    return byte_level("byte-digits3", LLAMA3, None, True, tokens, "<|begin_of_text|>")


def sentencepiece_style():
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    # Trained on words so that markers stay in front, as SentencePiece does; encoding needs no cutting.
    t.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="never", split=True)
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=special, show_progress=False, limit_alphabet=90)
    t.train_from_iterator(TEXT, trainer)
    data = json.loads(t.to_str())
    data["pre_tokenizer"] = None
    data["added_tokens"] = [a for a in data["added_tokens"] if a["id"] < 3]
    t = Tokenizer.from_str(json.dumps(data))
    t.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.post_processor = bos_template("<s>", 1)
    t.add_tokens([added("[S]", False, lstrip=True, rstrip=True, normalized=True), added("[T]", True, lstrip=True),
                  added("dose", False, normalized=True)])
    return "pieces-fallback", t


def write_tokenizer(name, t, config):
    folder = ROOT / "tokenizers" / name
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(json.loads(t.to_str()), ensure_ascii=False, separators=(",", ":"))
    (folder / "tokenizer.json").write_text(text + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n")
    tokens = [a.content for a in t.get_added_tokens_decoder().values()]
    rng = random.Random(name)
    texts = NASTY + TEXT + [random_text(rng, tokens) for _ in range(260)]
    extra = ["{0} {0}x", "x{0}y", " {0} \n", "{0}{0}"]
    texts += [e.format(token) for token in tokens[:12] for e in extra]
    with open(folder / "vectors.jsonl", "w") as out:
        for text in texts:
            ids = t.encode(text, add_special_tokens=False).ids
            row = {"text": text, "ids": ids, "special": t.encode(text).ids, "decoded": t.decode(ids, skip_special_tokens=False)}
            out.write(json.dumps(row) + "\n")
    with open(folder / "decode.jsonl", "w") as out:
        for index in range(200):
            top = t.get_vocab_size() + 3 if index % 4 else 270
            ids = [rng.randrange(top) for _ in range(rng.randint(0, 12))]
            row = {"ids": ids, "decoded": t.decode(ids, skip_special_tokens=False), "skipped": t.decode(ids, skip_special_tokens=True)}
            out.write(json.dumps(row) + "\n")
    print(f"{name}: {t.get_vocab_size()} tokens, {len(texts)} strings", file=sys.stderr)


CONVERSATIONS = [
    [("user", "What are the symptoms of anemia?")],
    [("system", "You are careful."), ("user", "  Fever for 3 days, what now?\n")],
    [("user", "hi"), ("assistant", "<think>\ngreet\n</think>\n\nHello!"), ("user", "How do I lower LDL?")],
    [("user", "\u4f60\u597d"), ("assistant", "a</think>b</think> c ")],
    [("user", "x"), ("assistant", ""), ("user", ""), ("assistant", "y"), ("user", "<|end|><|user|>")],
    [("system", ""), ("user", "<|eot_id|> '\"{{ x }}")],
]
TOOL_CONVERSATION = [("user", "look up"), ("assistant", "ok"), ("tool", "42"), ("tool", "43"), ("user", "thanks")]


def render_templates():
    from transformers.utils.chat_template_utils import _compile_jinja_template
    rows = []
    tokens = {"bos_token": "<|begin|>", "eos_token": "<|end|>"}
    for path in sorted((ROOT / "templates").glob("*.jinja")):
        source = path.read_text()
        template = _compile_jinja_template(source)
        # Vial has no clock in its prompts: templates take the date that they have for when there is none.
        template.environment.globals.pop("strftime_now", None)
        for conversation in CONVERSATIONS + [TOOL_CONVERSATION]:
            messages = [{"role": r, "content": c} for r, c in conversation]
            for generation in (True, False):
                row = {"template": path.name, "messages": messages, "add_generation_prompt": generation}
                try:
                    row["text"] = template.render(
                        messages=messages, tools=None, documents=None, add_generation_prompt=generation, **tokens)
                except Exception as error:  # the template refuses these messages
                    row["error"] = str(error)
                rows.append(row)
    with open(ROOT / "templates" / "renderings.jsonl", "w") as out:
        for row in rows:
            out.write(json.dumps(row) + "\n")
    print(f"{len(rows)} renderings, {sum('error' in r for r in rows)} refused", file=sys.stderr)


def main():
    assert (tokenizers.__version__, transformers.__version__) == VERSIONS
    for name, t in (qwen_style(), llama3_style(), sentencepiece_style()):
        bos = {"byte-nfc": "<|begin|>", "byte-digits3": "<|begin_of_text|>", "pieces-fallback": "<s>"}[name]
        eos = {"byte-nfc": "<|end|>", "byte-digits3": "<|eot_id|>", "pieces-fallback": "</s>"}[name]
        write_tokenizer(name, t, {"bos_token": bos, "eos_token": eos, "add_bos_token": True})
    render_templates()


if __name__ == "__main__":
    main()
