"""Owns: what a host is handed: schemas and pydantic models, batches, arrays, templates, files' texts."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import unittest
from typing import Any, Literal, Optional

import numpy

import vial

from test_misuse import DEMO, SMALL

NO_REASONING: dict[str, Any] = {"max_reasoning_tokens": vial.REASONING_NONE, "temperature": 0}

try:
    import pydantic
except ImportError:
    pydantic = None  # type: ignore[assignment]


class Answers(unittest.TestCase):
    def setUp(self) -> None:
        self.model = vial.Model(DEMO)
        self.engine = vial.Engine(self.model)
        self.addCleanup(self.model.close)
        self.addCleanup(self.engine.close)

    def test_an_answer_is_its_events(self) -> None:
        with self.engine.submit("What is asthma?", max_tokens=40, seed=3, alternative_count=2) as request:
            events = list(request)
            texts = [request.text(part) for part in vial.Part]
        answer = self.engine.ask("What is asthma?", max_tokens=40, seed=3, alternative_count=2)
        self.assertEqual([answer.text, answer.reasoning], texts)
        self.assertTrue(all(texts))
        self.assertEqual(answer.tokens, [event.token for event in events[:-1]])
        self.assertEqual((answer.log_probabilities.dtype, answer.log_probabilities.shape), (numpy.float32, (40,)))
        self.assertEqual(answer.log_probabilities.tolist(), [event.log_probability for event in events[:-1]])
        self.assertTrue(math.isnan(events[-1].log_probability) and events[-1].token is None)
        for likely, event in zip(answer.alternatives, events):
            self.assertEqual(len(likely), 2)
            self.assertGreaterEqual(likely[0][1], likely[1][1])
            self.assertTrue(event.token not in dict(likely) or dict(likely)[event.token] == event.log_probability)
        self.assertEqual(answer.finish_reason, vial.FinishReason.LENGTH)
        self.assertEqual(answer.info.prompt_token_count, len(self.model.render_chat([
            {"role": "user", "content": "What is asthma?"}])))

    def test_scores_are_the_events_log_probabilities(self) -> None:
        prompt = self.model.encode("Asthma is a disease of the lungs.")
        answer = self.engine.ask(tokens=prompt, max_tokens=12, temperature=0)
        scores = self.model.score(numpy.array(prompt + answer.tokens, numpy.uint32))
        self.assertTrue(math.isnan(scores[0]))
        self.assertEqual(scores[len(prompt):].tolist(), answer.log_probabilities.tolist())

    def test_sampling(self) -> None:
        recommended = self.model.sampling()
        self.assertEqual((round(recommended.temperature, 3), recommended.top_k), (0.6, 50))
        ask = functools.partial(self.engine.ask, max_reasoning_tokens=vial.REASONING_NONE)
        one = ask("What is gout?", max_tokens=12, temperature=0.9)
        self.assertEqual(one.tokens, ask("What is gout?", max_tokens=12, sampling={"temperature": 0.9}).tokens)
        whole = dataclasses.replace(recommended, temperature=0.9)
        self.assertEqual(one.tokens, ask("What is gout?", max_tokens=12, sampling=whole).tokens)
        self.assertNotEqual(one.tokens, ask("What is gout?", max_tokens=12, sampling=whole, seed=1).tokens)
        greedy = ask("What is gout?", max_tokens=12, sampling=vial.Sampling())
        self.assertEqual(greedy.tokens, ask("What is gout?", max_tokens=12, sampling=whole, temperature=0).tokens)

    def test_schema(self) -> None:
        schema = {"type": "object", "properties": {"urgent": {"type": "boolean"}}, "required": ["urgent"],
                  "additionalProperties": False}
        answer = self.engine.ask("Chest pain", schema=schema, max_tokens=60, **NO_REASONING)
        self.assertEqual(list(answer.value), ["urgent"])
        self.assertEqual(answer.value, self.engine.ask(
            "Chest pain", schema=json.dumps(schema), max_tokens=60, **NO_REASONING).value)
        cut = self.engine.ask("Chest pain", schema=schema, max_tokens=3, **NO_REASONING)
        self.assertEqual(cut.finish_reason, vial.FinishReason.BUDGET)
        with self.assertRaises(vial.IncompleteAnswer):
            cut.value
        self.assertIsNone(self.engine.ask("a", max_tokens=1).value)

    @unittest.skipIf(pydantic is None, "pydantic is missing")
    def test_pydantic(self) -> None:
        class Finding(pydantic.BaseModel):
            name: Literal["fever", "cough"]
            days: int = pydantic.Field(ge=0, le=30)

        class Note(pydantic.BaseModel):
            urgency: Literal["emergency", "routine"]
            findings: list[Finding] = pydantic.Field(max_length=2)
            follow_up: Optional[int] = pydantic.Field(default=None, ge=1, le=9)

        value = self.engine.ask("Fever", schema=Note, max_tokens=300, **NO_REASONING).value
        self.assertIsInstance(value, Note)
        self.assertIn(value.urgency, ("emergency", "routine"))

        class Refused(pydantic.BaseModel):
            codes: set[int]

        with self.assertRaises(vial.SchemaError) as raised:
            self.engine.submit("a", schema=Refused)
        self.assertIn("uniqueItems of items that are not listed; in Refused", str(raised.exception))

    def test_batch(self) -> None:
        asked: list[Any] = ["What is gout?", {"text": "What is asthma?", "seed": 4}, {"text": "a", "adapter": "none"},
                            vial.RequestOptions(text="What is anemia?"), {"text": 5}]
        found = list(self.engine.batch(asked * 5, parallel=3, max_tokens=6))
        self.assertEqual(len(found), 25)
        for number, one in enumerate(found):
            if number % 5 in (2, 4):
                self.assertIsInstance(one, vial.VialError if number % 5 == 2 else TypeError)
            else:
                assert isinstance(one, vial.Answer)
                self.assertEqual(one.tokens, self.engine.ask(asked[number % 5], max_tokens=6).tokens)
        with vial.Engine(self.model, queue_limit=1, running_limit=1) as narrow:
            answers = list(narrow.batch(["What is gout?"] * 6, parallel=6, max_tokens=6))
            self.assertEqual({type(answer) for answer in answers}, {vial.Answer})
        # Whoever stops taking answers leaves nothing in flight.
        for _ in self.engine.batch(["What is gout?"] * 50, parallel=8, max_tokens=200):
            break
        while self.engine.metrics["running_count"] + self.engine.metrics["waiting_count"]:
            pass

    def test_templates(self) -> None:
        templates = {one.id: one for one in self.model.templates}
        triage = templates["triage"]
        self.assertIn("complaint", triage.variables)
        self.assertEqual(json.loads(triage.schema or "")["type"], "object")
        self.assertEqual([one["name"] for one in triage.declarations], triage.variables)
        self.assertIsNone(templates["symptom-analysis"].schema)
        values = {"complaint": "Cough", "age": "34 years", "history": ["asthma", "eczema"]}
        prompt = self.model.render_template("symptom-analysis", values)
        self.assertIn("> - asthma\n> - eczema", self.model.decode(prompt))
        request = self.engine.submit(template="symptom-analysis", values=values, max_tokens=1)
        self.assertEqual(request.info.prompt_token_count, len(prompt))

    def test_engine_tells(self) -> None:
        self.engine.ask("What is gout?", max_tokens=3, tenant="ward")
        metrics = self.engine.metrics
        self.assertEqual((metrics["generated_token_count"], metrics["finished_counts"][vial.FinishReason.LENGTH]), (3, 1))
        self.assertEqual(sum(metrics["first_token_histogram"][0]), 1)
        self.assertIn("vial_", self.engine.metrics_text)
        self.engine.set_weight("ward", 2)
        self.engine.clear_tenant("ward")
        self.assertGreater(self.engine.info.position_limit, 1000)
        with self.assertRaises(vial.VialError):
            self.engine.set_weight("ward", -1)

    def test_file_tells(self) -> None:
        self.assertTrue(self.model.notice)
        with vial.Model(SMALL) as small:
            self.assertEqual((small.templates, small.adapters, small.notice), ([], [], None))
        self.assertEqual(vial.__version__.count("."), 2)
        self.assertEqual(json.loads(vial.build_info())["vial"], vial.__version__)


if __name__ == "__main__":
    unittest.main()
