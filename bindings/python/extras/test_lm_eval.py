"""Owns: vial.lm_eval against `vial eval` and against lm-eval's own driver. VIAL is the command's path."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance

import vial
from vial.lm_eval import VialLM

ROOT = Path(__file__).resolve().parents[3]
QUESTIONS = ROOT / "Tests" / "Fixtures" / "questions" / "questions.jsonl"


def instances(kind: str, arguments: list[Any]) -> list[Instance]:
    return [Instance(kind, {}, one, number) for number, one in enumerate(arguments)]


class LmEval(unittest.TestCase):
    def setUp(self) -> None:
        self.model = VialLM(str(vial.demo_path()))

    def test_likelihoods_are_those_of_vial_eval(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out.jsonl"
            subprocess.run([os.environ["VIAL"], "eval", str(vial.demo_path()), "--data", str(QUESTIONS), "--raw", "--mode",
                            "text", "--out", str(out)], check=True, capture_output=True)
            truth = [json.loads(line) for line in out.read_text("utf-8").splitlines()[1:]]
        compared = 0
        for line, told in zip(QUESTIONS.read_text("utf-8").splitlines(), truth):
            question = json.loads(line)
            options = question.get("options") or question.get("choices")
            if not options:
                continue
            texts = list(options.values()) if isinstance(options, dict) else options
            prompt = f"Question: {question['question']}\nAnswer:"
            found = self.model.loglikelihood(instances("loglikelihood", [(prompt, " " + text) for text in texts]))
            for (likelihood, _), expected in zip(found, told["log_likelihoods"]):
                self.assertLess(abs(likelihood - expected), 1e-4)
            best = max(range(len(found)), key=lambda index: found[index][0])
            self.assertEqual(best, told["choice"])
            compared += 1
        self.assertGreaterEqual(compared, 4)

    def test_greedy_is_what_the_engine_writes(self) -> None:
        written = self.model.generate_until(instances("generate_until", [
            ("Question: What is gout?\nAnswer:", {"until": ["zzzz"], "max_gen_toks": 6})]))[0]
        pairs = [("Question: What is gout?\nAnswer:", written), ("Question: What is gout?\nAnswer:", written + " no")]
        found = self.model.loglikelihood(instances("loglikelihood", pairs))
        self.assertEqual([greedy for _, greedy in found], [True, False])
        self.assertLess(found[1][0], found[0][0])

    def test_generate_until(self) -> None:
        asked = [(f"Question: What is {name}?\nAnswer:", {"until": ["."], "max_gen_toks": 30})
                 for name in ("gout", "asthma", "anemia")]
        found = self.model.generate_until(instances("generate_until", asked))
        self.assertTrue(all(found) and not any("." in text for text in found))

    def test_rolling(self) -> None:
        text = "Asthma is a disease of the lungs. " * 400
        rolled = self.model.loglikelihood_rolling(instances("loglikelihood_rolling", [(text,), ("Asthma is",)]))
        short = self.model.loglikelihood(instances("loglikelihood", [("", "Asthma is")]))[0][0]
        self.assertAlmostEqual(rolled[1], short, places=4)
        self.assertLess(rolled[0], rolled[1])

    def test_the_driver_takes_it(self) -> None:
        import lm_eval
        from lm_eval.api.task import ConfigurableTask

        task = ConfigurableTask(config={
            "task": "own", "dataset_path": "json", "output_type": "multiple_choice", "test_split": "train",
            "dataset_kwargs": {"data_files": {"train": str(self.questions())}}, "doc_to_text": "Question: {{q}}\nAnswer:",
            "doc_to_choice": "{{options}}", "doc_to_target": "{{answer}}", "metric_list": [{"metric": "acc"}]})
        found = lm_eval.simple_evaluate(model=self.model, tasks=[task], bootstrap_iters=0)
        self.assertIn("acc,none", found["results"]["own"])

    def questions(self) -> Path:
        path = Path(self.enterContext(tempfile.TemporaryDirectory())) / "questions.jsonl"
        path.write_text("".join(json.dumps({"q": f"What is {one}?", "options": ["a", "b"], "answer": 0}) + "\n"
                                for one in ("gout", "asthma")))
        return path


if __name__ == "__main__":
    unittest.main()
