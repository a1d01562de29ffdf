"""Owns: Vial as a model of EleutherAI's lm-eval. Must not: choose or score; lm-eval and libvial do.

    lm_eval.simple_evaluate(model=vial.lm_eval.VialLM("model.vial"), tasks=["pubmedqa"])

Likelihoods come from Model.score, which computes one text after the other on all threads: the C
interface scores whole texts only. Written answers, and whether a continuation is the greedy one,
come from one engine that answers many requests at once.
"""

from __future__ import annotations

import math
from typing import Any, Iterable, Optional

from lm_eval.api.model import TemplateLM  # type: ignore[import-untyped]
from lm_eval.api.registry import register_model  # type: ignore[import-untyped]
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window  # type: ignore[import-untyped]

from . import EncodeFlag, Engine, Model, SamplingFlag, VialError

# A token that is likelier than all others together is the greedy one.
MAJORITY = math.log(0.5)


@register_model("vial")
class VialLM(TemplateLM):  # type: ignore[misc]
    """A .vial file for lm-eval. Texts are raw: the file's chat template is not used."""

    def __init__(
            self, path: str, *, adapter: Optional[str] = None, max_gen_toks: int = 256,
            parallel: int = 64, batch_size: Any = None, max_batch_size: Any = None,
            device: Any = None) -> None:
        """path: The file. adapter: One of its adapters. max_gen_toks: Tokens of a written answer.
        parallel: Written answers in flight. batch_size, max_batch_size and device, which lm-eval
        passes, mean nothing here.

        Raises VialError: the file cannot be opened.
        """
        super().__init__()
        self.file = Model(path)
        self.engine = Engine(self.file)
        self.adapter, self.max_gen_toks, self.parallel = adapter, max_gen_toks, parallel
        info = self.file.info
        # Scores of a longer text begin anew.
        self.max_length = min(info.context_length, info.score_window)
        self.begin = info.begin_token

    @property
    def eot_token_id(self) -> int:
        """What stands before a text without a context: the file's first token, or 0."""
        return self.begin if self.begin is not None else 0

    @property
    def tokenizer_name(self) -> str:
        """For lm-eval's cache of requests: the model's digest."""
        return self.file.info.model_digest.hex()

    def tok_encode(self, string: str, add_special_tokens: Optional[bool] = None, **_: Any) -> list[int]:
        """Ids of a text, behind the file's first token unless that is switched off."""
        flags = 0 if add_special_tokens is False else EncodeFlag.ADD_SPECIAL_TOKENS
        return self.file.encode(string, flags=flags)

    def _loglikelihood_tokens(
            self, requests: Iterable[Any], disable_tqdm: bool = False, **_: Any) -> list[tuple[float, bool]]:
        pairs = [self._cut(context, continuation) for _, context, continuation in requests]
        likelihoods, uncertain = [], []
        for number, (context, continuation) in enumerate(pairs):
            scores = self.file.score(context + continuation, adapter=self.adapter)[len(context):]
            likelihoods.append((float(scores.sum(dtype="float64")), True))
            if len(continuation) and float(scores.min()) <= MAJORITY:
                uncertain.append(number)
        asked = [self._greedy(*pairs[number]) for number in uncertain]
        for number, answer in zip(uncertain, self.engine.batch(asked, parallel=self.parallel)):
            if isinstance(answer, Exception):
                raise answer
            likelihoods[number] = (likelihoods[number][0], answer.tokens == pairs[number][1])
        return likelihoods

    def _cut(self, context: list[int], continuation: list[int]) -> tuple[list[int], list[int]]:
        """The last max_length ids, of which one is context."""
        continuation = continuation[-(self.max_length - 1):]
        return context[-(self.max_length - len(continuation)):], continuation

    def _greedy(self, context: list[int], continuation: list[int]) -> dict[str, Any]:
        return {"tokens": context, "max_tokens": len(continuation), "adapter": self.adapter,
                "temperature": 0, "sampling": {
                    "repetition_penalty": 1, "frequency_penalty": 0, "presence_penalty": 0,
                    "flags": SamplingFlag.IGNORE_END}}

    def loglikelihood_rolling(self, requests: Iterable[Any], disable_tqdm: bool = False) -> list[float]:
        """Natural logarithms of whole texts' likelihoods, each behind the file's first token."""
        found = []
        for request in requests:
            windows = get_rolling_token_windows(
                token_list=self.tok_encode(request.args[0], add_special_tokens=False),
                prefix_token=self.eot_token_id, max_seq_len=self.max_length - 1, context_len=1)
            sums = [0.0]
            for context, continuation in map(make_disjoint_window, windows):
                scores = self.file.score(list(context) + list(continuation), adapter=self.adapter)
                sums.append(float(scores[len(context):].sum(dtype="float64")))
            found.append(math.fsum(sums))
        return found

    def generate_until(self, requests: Iterable[Any], disable_tqdm: bool = False) -> list[str]:
        """Written answers, reasoning included, up to the first of the texts in "until"."""
        asked = [self._written(*request.args) for request in requests]
        texts = []
        for answer in self.engine.batch(asked, parallel=self.parallel):
            if isinstance(answer, Exception):
                raise answer
            texts.append(answer.reasoning + answer.text)
        return texts

    def _written(self, context: str, options: dict[str, Any]) -> dict[str, Any]:
        until = options.get("until") or []
        most = int(options.get("max_gen_toks", self.max_gen_toks))
        tokens = self.tok_encode(context)[-(self.file.info.context_length - most):]
        asked: dict[str, Any] = {
            "tokens": tokens, "max_tokens": most, "adapter": self.adapter,
            "stops": [until] if isinstance(until, str) else [text for text in until if text]}
        if options.get("do_sample"):
            return {**asked, "temperature": float(options.get("temperature", 1.0))}
        return {**asked, "temperature": 0}


__all__ = ["VialError", "VialLM"]
