"""Owns: Vial as a chat model of langchain-core. Must not: render prompts; the file's template does.

    ChatVial(path="model.vial", options={"max_tokens": 400}).invoke("What is asthma?")
"""

from __future__ import annotations

from typing import Any, AsyncIterator, Iterator, Mapping, Optional

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, PrivateAttr

from . import Answer, Engine, FinishReason, Model, Part

ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}


def as_messages(messages: list[BaseMessage]) -> list[dict[str, Any]]:
    """Roles and texts, as the file's chat template knows them.

    Raises TypeError: content that is no text, such as an image.
    """
    found = []
    for message in messages:
        if not isinstance(message.content, str):
            raise TypeError("Vial reads texts only")
        role = getattr(message, "role", None) or ROLES.get(message.type, message.type)
        found.append({"role": role, "content": message.content})
    return found


class ChatVial(BaseChatModel):
    """A .vial file. Reasoning is in additional_kwargs["reasoning_content"].

    path: The file. options: Of every request: fields of RequestOptions and Sampling; those of a
    call (`invoke(..., seed=2)`) stand above them.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)
    path: str
    options: dict[str, Any] = {}
    _engine: Engine = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        """Opens file and engine. Raises VialError."""
        super().model_post_init(context)
        self._engine = Engine(Model(self.path))

    @property
    def _llm_type(self) -> str:
        return "vial"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {"model_digest": self._engine.model.info.model_digest.hex(), **self.options}

    def _asked(self, messages: list[BaseMessage], stop: Optional[list[str]], more: dict[str, Any]) -> dict[str, Any]:
        stops = {"stops": stop} if stop else {}
        return {"messages": as_messages(messages), **self.options, **stops, **more}

    def _generate(
            self, messages: list[BaseMessage], stop: Optional[list[str]] = None, run_manager: Any = None,
            **kwargs: Any) -> ChatResult:
        return result_of(self._engine.ask(self._asked(messages, stop, kwargs)))

    def _stream(
            self, messages: list[BaseMessage], stop: Optional[list[str]] = None, run_manager: Any = None,
            **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        with self._engine.submit(self._asked(messages, stop, kwargs)) as request:
            for event in request:
                chunk = chunk_of(event)
                if run_manager is not None and event.text:
                    run_manager.on_llm_new_token(event.text, chunk=chunk)
                yield chunk

    async def _astream(
            self, messages: list[BaseMessage], stop: Optional[list[str]] = None, run_manager: Any = None,
            **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        async with self._engine.stream(self._asked(messages, stop, kwargs)) as stream:
            async for event in stream:
                chunk = chunk_of(event)
                if run_manager is not None and event.text:
                    await run_manager.on_llm_new_token(event.text, chunk=chunk)
                yield chunk

    async def _agenerate(
            self, messages: list[BaseMessage], stop: Optional[list[str]] = None, run_manager: Any = None,
            **kwargs: Any) -> ChatResult:
        return result_of(await self._engine.answer(self._asked(messages, stop, kwargs)))


def chunk_of(event: Any) -> ChatGenerationChunk:
    """An event's text where it belongs; the last one has the finish reason."""
    reasons = {"finish_reason": FinishReason(event.finish_reason).name.lower()} if event.finish_reason else {}
    if event.part == Part.REASONING:
        message = AIMessageChunk(content="", additional_kwargs={"reasoning_content": event.text},
                                 response_metadata=reasons)
    else:
        message = AIMessageChunk(content=event.text, response_metadata=reasons)
    return ChatGenerationChunk(message=message)


def result_of(answer: Answer) -> ChatResult:
    """An answer as langchain-core has it, with counts of tokens."""
    info = answer.info
    message = AIMessage(
        content=answer.text, additional_kwargs={"reasoning_content": answer.reasoning},
        response_metadata={"finish_reason": answer.finish_reason.name.lower()},
        usage_metadata={
            "input_tokens": info.prompt_token_count, "output_tokens": info.token_count,
            "total_tokens": info.prompt_token_count + info.token_count})
    return ChatResult(generations=[ChatGeneration(message=message)])


__all__ = ["ChatVial"]
