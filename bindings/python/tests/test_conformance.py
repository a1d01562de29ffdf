"""Owns: bindings/conformance/cases.json through this package. Must not: call libvial's C functions."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, Iterator, Optional

import numpy

import vial

ROOT = Path(__file__).resolve().parents[3]
PAGE = json.loads((ROOT / "bindings" / "conformance" / "cases.json").read_text("utf-8"))
TABLE = ROOT / "bindings" / "conformance" / "table.py"
CASES = {case["name"]: case for case in PAGE["cases"]}
# Kinds that this binding cannot express, and why.
NOT_HERE = {"in_callback": "the package takes no callbacks of events: asyncio and threads read them"}
Case = dict[str, Any]

RENAMED = {"template_id": "template"}
PLAIN = ("max_tokens", "max_reasoning_tokens", "alternative_count", "stops", "choices", "schema", "prefill",
         "sample_index", "adapter_scale", "priority", "tenant", "flags", "template_id", "tokens")
SAMPLING = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "frequency_penalty", "presence_penalty",
            "min_tokens", "banned_tokens", "stop_tokens")


def prompt_text(case: Case) -> Any:
    return bytes.fromhex(case["text_hex"]) if "text_hex" in case else case["text"]


@contextlib.contextmanager
def opened(case: Case) -> Iterator[vial.Model]:
    path: Any = case["file"] if case.get("absolute") else ROOT / case["file"]
    with tempfile.TemporaryDirectory() as folder:
        if "copy_as" in case:
            copy = Path(folder) / case["copy_as"]
            shutil.copy(path, copy)
            if "cut_to" in case:
                os.truncate(copy, case["cut_to"])
            path = copy
        keys = [bytes.fromhex(key) for key in case["trusted_keys"]] if "trusted_keys" in case else None
        with vial.Model(path, access=case.get("access", 0), verification=case.get("verification", 0),
                        trusted_keys=keys) as model:
            yield model


@contextlib.contextmanager
def computing(case: Case) -> Iterator[vial.Engine]:
    options = {name: case[name] for name in ("isa", "thread_count", "cache_type", "queue_limit", "running_limit")
               if name in case}
    with opened(case) as model, vial.Engine(model, **options) as engine:
        yield engine


def options_of(case: Case) -> dict[str, Any]:
    options: dict[str, Any] = {RENAMED.get(name, name): case[name] for name in PLAIN if name in case}
    if "text" in case or "text_hex" in case:
        options["text"] = prompt_text(case)
    if "roles" in case:
        options["messages"] = [{"role": role, "content": content}
                               for role, content in zip(case["roles"], case["contents"])]
    if "value_names" in case:
        options["values"] = dict(zip(case["value_names"], case["value_texts"]))
    if case.get("adapter"):
        options["adapter"] = case["adapter"]
    options["seed"] = int(case.get("seed", "0"))
    if "deadline_milliseconds" in case:
        options["deadline"] = case["deadline_milliseconds"] / 1000
    sampling = {name: case[name] for name in SAMPLING if name in case}
    if "bias_tokens" in case:
        sampling["biases"] = dict(zip(case["bias_tokens"], case["bias_values"]))
    if "sampling_flags" in case:
        sampling["flags"] = case["sampling_flags"]
    if sampling:
        options["sampling"] = sampling
    return options


def stopping(case: Case) -> Optional[Any]:
    return (lambda done, total: False) if case.get("progress_stops") else None


def floats(values: Any) -> list[Optional[float]]:
    return [None if math.isnan(value) else float(value) for value in values]


def answered(case: Case, request: vial.Request) -> Case:
    """What a request's events say, to the last."""
    events, tokens = [], 0
    for event in request:
        events.append(event)
        tokens += event.kind == vial.EventKind.TOKEN
        if tokens == case.get("cancel_after") and event.kind == vial.EventKind.TOKEN:
            request.cancel()
    texts = ["".join(event.text for event in events if event.part == part) for part in vial.Part]
    assert texts == [request.text(part) for part in vial.Part]
    told = [event for event in events if event.kind == vial.EventKind.TOKEN]
    found = {
        "status": "VIAL_STATUS_OK", "finish_reason": vial.FinishReason(events[-1].finish_reason).name.lower(),
        "finish_status": status_name(events[-1].status), "text": texts[0], "reasoning": texts[1],
        "tokens": request.tokens(), "prompt_token_count": request.info.prompt_token_count,
        "log_probabilities": floats(event.log_probability for event in told),
        "entropies": floats(event.entropy for event in told),
        "first_alternatives": [token for token, _ in told[0].alternatives] if told else []}
    if "expect_prompt_scores" in case:
        found["prompt_scores"] = floats(request.prompt_scores())
        found["prompt_alternatives"] = [
            token for index in range(request.info.prompt_token_count) for token, _ in request.prompt_alternatives(index)]
    request.close()
    return found


def status_name(status: Any) -> str:
    return "VIAL_STATUS_" + vial.Status(status).name


def refused(error: vial.VialError) -> Case:
    return {"status": status_name(error.status), "rule": error.rule, "system_code": error.system_code,
            "byte_offset": error.byte_offset}


class Kinds:
    """A function for each kind: what is found, by the names behind expect_."""

    def open(self, case: Case) -> Case:
        with opened(case) as model:
            info = model.info
            return {"architecture": model.architecture, "model_name": model.name,
                    "model_digest": info.model_digest.hex(), "file_digest": info.file_digest.hex(),
                    "parameter_count": info.parameter_count, "layer_count": info.layer_count,
                    "vocabulary_size": info.vocabulary_size, "token_count": info.token_count,
                    "context_length": info.context_length, "adapters": [one.name for one in model.adapters],
                    "templates": [one.id for one in model.templates]}

    def verify(self, case: Case) -> Case:
        with opened(case) as model:
            model.verify(progress=stopping(case))
        return {}

    def engine(self, case: Case) -> Case:
        with computing(case):
            return {}

    def encode(self, case: Case) -> Case:
        with opened(case) as model:
            return {"tokens": model.encode(prompt_text(case), flags=case.get("flags", 0))}

    def decode(self, case: Case) -> Case:
        with opened(case) as model:
            return {"text": model.decode(case["tokens"], flags=case.get("flags", 0))}

    def token_bytes(self, case: Case) -> Case:
        with opened(case) as model:
            return {"hex": model.token_bytes(case["token"]).hex()}

    def chat(self, case: Case) -> Case:
        with opened(case) as model:
            return {"tokens": model.render_chat(options_of(case)["messages"])}

    def template(self, case: Case) -> Case:
        with opened(case) as model:
            return {"tokens": model.render_template(case["template_id"], options_of(case).get("values", {}))}

    def score(self, case: Case) -> Case:
        with opened(case) as model:
            scores = model.score(case["tokens"], adapter=case.get("adapter"),
                                 adapter_scale=case.get("adapter_scale", 0.0), progress=stopping(case))
            assert scores.dtype == numpy.float32
            return {"log_probabilities": floats(scores)}

    def submit(self, case: Case) -> Case:
        with computing(case) as engine:
            return answered(case, engine.submit(**options_of(case)))

    cancel = submit

    def close_engine(self, case: Case) -> Case:
        with computing(case) as engine:
            request = engine.submit(**options_of(case))
            engine.close()
            return answered(case, request)

    def no_event_yet(self, case: Case) -> Case:
        with computing(case) as engine, engine.submit(**options_of(case)) as request:
            while request.next_event(0).kind == vial.EventKind.TOKEN:
                pass
        return {}

    def after_last(self, case: Case) -> Case:
        with computing(case) as engine, engine.submit(**options_of(case)) as request:
            for _ in request:
                pass
            request.next_event(0)
        return {}

    def busy(self, case: Case) -> Case:
        with computing(case) as engine:
            requests = []
            try:
                for _ in range(8):
                    requests.append(engine.submit(**options_of(case)))
            finally:
                for request in requests:
                    request.close()
        return {}

    def closed_model(self, case: Case) -> Case:
        with opened(case) as model:
            model.close()
            return {"info": model.info}

    def closed_engine(self, case: Case) -> Case:
        with computing(case) as engine:
            engine.close()
            engine.submit(tokens=[1])
        return {}

    def closed_request(self, case: Case) -> Case:
        with computing(case) as engine:
            request = engine.submit(**options_of(case))
            request.close()
            request.next_event(0)
        return {}

    def forked(self, case: Case) -> Case:
        with opened(case) as model:
            child = os.fork()
            if child == 0:
                status = 0
                try:
                    model.info
                except vial.VialError as error:
                    status = int(error.status)
                os._exit(status)
            return {"status": status_name(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))}


class Conformance(unittest.TestCase):
    """Every case that can be expressed."""

    def check(self, case: Case, found: Case) -> None:
        for name, expected in case.items():
            if name.startswith("expect_"):
                self.assertEqual(found.get(name[7:], "VIAL_STATUS_OK" if name == "expect_status" else None),
                                 expected, f"{case['name']}: {name}")

    def test_versions(self) -> None:
        self.assertEqual((PAGE["cases_version"], PAGE["arithmetic"]), (1, vial.arithmetic_version()))

    def test_cases(self) -> None:
        run = 0
        for case in CASES.values():
            if case["kind"] in NOT_HERE or case["kind"] == "together":
                continue
            with self.subTest(case["name"]):
                try:
                    found = getattr(Kinds(), case["kind"])(case)
                except vial.VialError as error:
                    found = refused(error)
                self.check(case, found)
                run += 1
        kinds = sorted({case["kind"] for case in CASES.values()} & NOT_HERE.keys())
        together = sum(case["kind"] == "together" for case in CASES.values())
        print(f"conformance: {run + together} of {len(CASES)} cases; not {', '.join(kinds)}")
        told = subprocess.run([sys.executable, str(TABLE), "Python", str(run + together)], capture_output=True, text=True)
        self.assertEqual(told.returncode, 0, told.stderr)

    def test_together(self) -> None:
        for group in CASES.values():
            if group["kind"] != "together":
                continue
            cases = [CASES[name] for name in group["cases"]]
            with self.subTest(group["name"]), computing(cases[0]) as engine:
                requests = [engine.submit(**options_of(case)) for case in cases]
                for case, request in zip(cases, requests):
                    self.check(case, answered(case, request))


if __name__ == "__main__":
    unittest.main()
