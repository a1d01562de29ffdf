"""The models that quality_table.py measures, with the text that each is measured on and calibrated with."""
import dataclasses, json, lzma, pathlib

import quality_text


@dataclasses.dataclass
class Case:
    """A checkpoint, its texts, and what to pack."""
    name: str
    folder: pathlib.Path
    checkpoint: pathlib.Path
    groups: tuple = ("64", "128")
    bits: tuple = ("4.17", "4.25", "4.5")
    window: int = 512
    skip: int = 256
    has_peer: bool = True
    #: (name, file, how many or None for all) of each question set
    questions: tuple = ()
    measure: pathlib.Path = None
    calibrate: pathlib.Path = None

    def __post_init__(self):
        self.measure = self.measure or self.folder / "measure.txt"
        self.calibrate = self.calibrate or self.folder / "calibrate.txt"

    @classmethod
    def own(cls, scratch, checkpoint, measure, calibrate):
        """Any checkpoint with texts of its own."""
        return cls(checkpoint.resolve().name, scratch, checkpoint, measure=measure, calibrate=calibrate)

    def prepare(self, vial, base):
        """Makes texts and questions; `base` is the checkpoint in f16."""


class Demo(Case):
    """The demonstration model, on text about diseases that it never saw."""

    def __init__(self, scratch, data):
        folder = scratch / "demo-8m"
        questions = (("right on its own text, of 137", folder / "questions.jsonl", None),
                     ("on MedQA, first 100", folder / "medqa.jsonl", 100))
        super().__init__("demo-8m", folder, data / "weights" / "demo-8m", questions=questions)
        self.medqa = data / "medical" / "medqa_us_test.jsonl.xz"

    def prepare(self, vial, base):
        text = self.checkpoint / "general.heldout.txt"
        self.measure.write_text(quality_text.cut(text, "measure"), "utf-8")
        self.calibrate.write_text(quality_text.cut(text, "calibrate"), "utf-8")
        lines = [json.dumps(entry) for entry in quality_text.questions(text)]
        self.questions[0][1].write_text("\n".join(lines) + "\n", "utf-8")
        self.questions[1][1].write_bytes(lzma.open(self.medqa).read())


class Medical(Case):
    """A million parameters; half of its held-out tokens to measure on, pairs that it was trained on to calibrate with."""

    def __init__(self, scratch, data):
        super().__init__("qwen2-med-1M", scratch / "qwen2-med-1M", data / "weights" / "qwen2-med-1M",
                         bits=("4.25", "4.5"), has_peer=False)
        self.pairs = data / "medical" / "medquad.jsonl.xz"

    def prepare(self, vial, base):
        raw = (self.checkpoint / "heldout.tokens.i32").read_bytes()
        ids = [int.from_bytes(raw[place:place + 4], "little") for place in range(0, len(raw), 4)]
        end = json.loads((self.checkpoint / "config.json").read_text())["eos_token_id"]
        texts, part = [], []
        for token in ids:
            part.append(str(token))
            if token == end or len(part) == 8192:
                texts.append(json.loads(vial("tokenize", base, "--decode", ",".join(part), "--json"))["text"])
                part = []
        measured = "\n".join(texts[:len(texts) // 2])
        self.measure.write_text(measured, "utf-8")
        self.calibrate.write_text("\n".join(self.trained(measured)), "utf-8")

    def trained(self, measured):
        """Every 50th pair of the training set, in the model's format, but none whose answer is measured."""
        held = set(json.loads((self.checkpoint / "heldout_ids.json").read_text()))
        pairs = [json.loads(line) for line in lzma.open(self.pairs, "rt", encoding="utf-8")]
        for pair in [pair for pair in pairs if pair["id"] not in held][::50]:
            if pair["answer"][:100] not in measured:
                yield (f"<｜begin▁of▁sentence｜><｜User｜>{pair['question']}<｜Assistant｜>{pair['answer']}"
                       "<｜end▁of▁sentence｜>")


class Stories(Case):
    """A quarter of a million parameters and no text at hand: it writes its own, with different seeds for the two parts."""

    def __init__(self, scratch, data):
        super().__init__("stories260K", scratch / "stories260K", data / "weights" / "stories260K" / "hf", groups=("32", "64"),
                         bits=(), skip=64, has_peer=False)

    def prepare(self, vial, base):
        for path, seeds in ((self.measure, range(1001, 1061)), (self.calibrate, range(1, 121))):
            requests, answers = self.folder / "requests.jsonl", self.folder / "answers.jsonl"
            requests.write_text("".join(json.dumps({
                "id": seed, "prompt": "Once upon a time", "max_tokens": 400, "temperature": 1, "top_p": 1, "top_k": 0,
                "seed": seed}) + "\n" for seed in seeds))
            answers.unlink(missing_ok=True)
            vial("batch", base, "--raw", "--ordered", "--in", requests, "--out", answers)
            texts = [json.loads(answer)["text"] for answer in answers.read_text("utf-8").splitlines()]
            path.write_text("\n\n".join("Once upon a time" + text for text in texts), "utf-8")


SETS = {"demo-8m": Demo, "qwen2-med-1M": Medical, "stories260K": Stories}
