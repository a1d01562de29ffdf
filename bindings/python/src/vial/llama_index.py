"""Owns: Vial as an LLM of llama-index-core. Must not: render prompts; the file's template does.

    VialLLM("model.vial", max_tokens=400).chat([ChatMessage(role="user", content="What is asthma?")])
"""

from __future__ import annotations

from typing import Any, Sequence

from llama_index.core.base.llms.types import (
    ChatMessage, ChatResponse, ChatResponseGen, CompletionResponse, CompletionResponseGen, LLMMetadata, MessageRole)
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.custom import CustomLLM

from . import Engine, FinishReason, Model, Part, RequestFlag


class VialLLM(CustomLLM):
    """A .vial file. `complete` continues a text; `chat` goes through the file's chat template."""

    options: dict[str, Any] = {}
    _engine: Engine = PrivateAttr()

    def __init__(self, path: str, **options: Any) -> None:
        """path: The file. options: Of every request: fields of RequestOptions and Sampling.

        Raises VialError: the file cannot be opened.
        """
        super().__init__()
        self.options = options
        self._engine = Engine(Model(path))

    @property
    def metadata(self) -> LLMMetadata:
        """What llama-index asks of a model."""
        info = self._engine.model.info
        return LLMMetadata(
            context_window=info.context_length, num_output=int(self.options.get("max_tokens", 256)),
            is_chat_model=True, model_name=self._engine.model.name)

    def _chat(self, messages: Sequence[ChatMessage], more: dict[str, Any]) -> dict[str, Any]:
        return {"messages": [{"role": one.role.value, "content": one.content or ""} for one in messages],
                **self.options, **more}

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Continues a text. Raises VialError."""
        answer = self._engine.ask({"text": prompt, "flags": RequestFlag.RAW, **self.options, **kwargs})
        return CompletionResponse(text=answer.text, additional_kwargs={
            "finish_reason": answer.finish_reason.name.lower(), "reasoning": answer.reasoning})

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """The same, piece by piece."""
        def pieces() -> CompletionResponseGen:
            text = ""
            asked = {"text": prompt, "flags": RequestFlag.RAW, **self.options, **kwargs}
            with self._engine.submit(asked) as request:
                for event in request:
                    delta = event.text if event.part == Part.ANSWER else ""
                    text += delta
                    yield CompletionResponse(text=text, delta=delta)

        return pieces()

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answers a conversation. Raises VialError."""
        answer = self._engine.ask(self._chat(messages, kwargs))
        return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=answer.text), additional_kwargs={
            "finish_reason": answer.finish_reason.name.lower(), "reasoning": answer.reasoning})

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The same, piece by piece."""
        def pieces() -> ChatResponseGen:
            text = ""
            with self._engine.submit(self._chat(messages, kwargs)) as request:
                for event in request:
                    delta = event.text if event.part == Part.ANSWER else ""
                    text += delta
                    reason = FinishReason(event.finish_reason).name.lower() if event.finish_reason else None
                    yield ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=text), delta=delta,
                                       additional_kwargs={"finish_reason": reason})

        return pieces()


__all__ = ["VialLLM"]
