"""Owns: what a host writes down for a request, and its C form. Must not: submit it."""

from __future__ import annotations

import ctypes as c
import math
from dataclasses import dataclass, field, fields, replace
from typing import Any, Mapping, Optional, Sequence, Union

from . import _structs as s
from ._call import AnyText, Call, Tokens, initial, put
from ._constants import PenaltyScope, Status
from ._errors import VialError


@dataclass(frozen=True)
class Message:
    """A message of a conversation.

    role: "system", "user", "assistant" or what else the file's chat template knows.
    content: What it says; literal: what it spells is never a special token.
    fields: Further fields for the chat template ("name", "tool_calls", ...), as an object for JSON.
    flags: MessageFlag, or 0.
    """

    role: str
    content: AnyText = field(repr=False)
    fields: Optional[Mapping[str, Any]] = field(default=None, repr=False)
    flags: int = 0


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen; the defaults are greedy. Model.sampling() has the file's.

    Ranges and order of operations: vial_sampling_options in vial.h, Spec/ARITHMETIC.md rule 13.

    temperature: 0 (greedy) to 100.
    top_k: Choose among so many tokens; 0: all.
    top_p, min_p: Choose among the likeliest tokens; fractions.
    repetition_penalty, frequency_penalty, presence_penalty: With scope (PenaltyScope) and window
        (tokens; 0: all).
    min_tokens: Nothing ends the answer before so many.
    biases: {id: -100 to 100}, added to logits. banned_tokens, stop_tokens: Ids.
    flags: SamplingFlag, or 0.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    repetition_scope: int = PenaltyScope.BOTH
    repetition_window: int = 0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    penalty_scope: int = PenaltyScope.ANSWER
    penalty_window: int = 0
    min_tokens: int = 0
    biases: Mapping[int, float] = field(default_factory=dict)
    banned_tokens: Sequence[int] = ()
    stop_tokens: Sequence[int] = ()
    flags: int = 0


LISTS = ("biases", "banned_tokens", "stop_tokens")
NUMBERS = tuple(one.name for one in fields(Sampling) if one.name not in LISTS)


@dataclass(frozen=True)
class RequestOptions:
    """A request: exactly one of text, messages, tokens and template. Limits: vial_request_options.

    text: One user message, literal (with RequestFlag.RAW: the beginning of a text).
    messages: Message, or mappings with "role" and "content" and perhaps further fields.
    tools: A list for JSON, as OpenAI and transformers have it; beside messages.
    tokens: Ids, as they are.
    template, values: A prompt template of the file and its variables: str, or a number, or a list
        of str, one item each.
    prefill: The answer's first words.
    sampling: Sampling, or a mapping of those of its fields that differ from what the file
        recommends; None: what it recommends.
    seed, sample_index: Which random numbers.
    max_tokens, max_reasoning_tokens: 0: the template's, or as many as fit (ANSWER_NONE,
        REASONING_NONE: none).
    alternative_count: Likeliest tokens to report with each token, at most 20.
    stops: Texts that end the answer.
    schema: A JSON schema as str, mapping or pydantic model class; not for patient text.
    choices: The answer is one of these; not for patient text.
    adapter, adapter_scale: An adapter of the file; 0: 1.
    priority: Higher ones first.
    tenant: Whoever the request is for; nothing is shared between two.
    deadline: Seconds from now; None: none.
    flags: RequestFlag, or 0.
    """

    text: Optional[AnyText] = field(default=None, repr=False)
    messages: Optional[Sequence[Union[Message, Mapping[str, Any]]]] = field(default=None, repr=False)
    tools: Optional[Union[str, Sequence[Mapping[str, Any]]]] = None
    tokens: Optional[Tokens] = field(default=None, repr=False)
    template: Optional[str] = None
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    prefill: Optional[AnyText] = field(default=None, repr=False)
    sampling: Optional[Union[Sampling, Mapping[str, Any]]] = None
    seed: int = 0
    sample_index: int = 0
    max_tokens: int = 0
    max_reasoning_tokens: int = 0
    alternative_count: int = 0
    stops: Sequence[str] = ()
    schema: Any = None
    choices: Sequence[str] = ()
    adapter: Optional[str] = None
    adapter_scale: float = 0.0
    priority: int = 0
    tenant: Optional[AnyText] = None
    deadline: Optional[float] = None
    flags: int = 0


OPTION_NUMBERS = (
    "seed", "sample_index", "max_tokens", "max_reasoning_tokens", "alternative_count",
    "adapter_scale", "priority", "flags")
Asked = Union[str, RequestOptions, Mapping[str, Any]]


def request_of(asked: Optional[Asked], changes: Mapping[str, Any]) -> RequestOptions:
    """RequestOptions of a question, of options, or of a mapping of them; `changes` on top.

    Fields of Sampling among them count as such: temperature=0.
    """
    named = dict(asked) if isinstance(asked, Mapping) else {}
    if isinstance(asked, (str, bytes)):
        named["text"] = asked
    named.update(changes)
    sampling = {name: named.pop(name) for name in NUMBERS + LISTS if name != "flags" and name in named}
    base = asked if isinstance(asked, RequestOptions) else RequestOptions()
    unknown = named.keys() - {one.name for one in fields(RequestOptions)}
    if unknown:
        raise TypeError(f"no option of a request is called {', '.join(sorted(map(str, unknown)))}")
    result = replace(base, **named)
    if sampling:
        given = result.sampling
        if isinstance(given, Sampling):
            return replace(result, sampling=replace(given, **sampling))
        return replace(result, sampling={**(given or {}), **sampling})
    return result


def as_json(value: Any) -> str:
    """The JSON of a value."""
    import json  # Here, because importing it would slow down every start.

    return json.dumps(value, ensure_ascii=False)


def from_json(text: str) -> Any:
    """The value of a JSON text."""
    import json

    return json.loads(text)


def schema_text(schema: Any) -> str:
    """The JSON of a schema that is a str, a mapping or a pydantic model class."""
    if isinstance(schema, str):
        return schema
    if isinstance(schema, type) and hasattr(schema, "model_json_schema"):
        schema = schema.model_json_schema()
    if not isinstance(schema, Mapping):
        raise TypeError("schema must be a str, a mapping or a pydantic model class")
    return as_json(schema)


def value_text(value: Any) -> AnyText:
    """A template's value: lists have an item a line, numbers are decimal."""
    if isinstance(value, (str, bytes)):
        return value
    if isinstance(value, (list, tuple)):
        return "\n".join(str(item) for item in value)
    return str(value)


class RequestCall(Call):
    """The C form of a RequestOptions."""

    def __init__(self, options: RequestOptions, recommended: Any) -> None:
        """`recommended` is called with this call and the template's id, and gives a SamplingOptions."""
        super().__init__()
        self.options: Any = initial("request_options")
        self._prompt(options)
        self._constraints(options)
        for name in OPTION_NUMBERS:
            put(self.options, name, getattr(options, name))
        if options.deadline is not None:
            seconds = float(options.deadline)
            if not 0 <= seconds < math.inf:
                raise ValueError("deadline must be seconds, 0 or more")
            # 0 is no deadline in C.
            put(self.options, "deadline_milliseconds", max(1, round(seconds * 1000)))
        if options.sampling is not None:
            given = options.sampling
            sampling = initial("sampling_options")
            if not isinstance(given, Sampling):
                recommended(self, options.template, sampling)
            self._sampling(given, sampling)
            self.options.sampling = c.addressof(sampling)

    def _prompt(self, options: RequestOptions) -> None:
        target = self.options
        for name, value in (("text", options.text), ("template_id", options.template),
                            ("prefill", options.prefill), ("adapter", options.adapter),
                            ("tenant", options.tenant)):
            setattr(target, name, self.optional_text(value, name))
        if options.messages is not None:
            self._messages([as_message(one) for one in options.messages])
        if options.tools is not None:
            tools = options.tools if isinstance(options.tools, str) else as_json(options.tools)
            target.tools = self.text(tools)
        if options.tokens is not None:
            target.tokens, target.token_count = self.ids(options.tokens)
        if options.values:
            target.template_values, target.template_value_count = self.values(options.values)

    def _messages(self, messages: Sequence[Message]) -> None:
        self.options.messages = self.messages(messages)
        self.options.message_count = len(messages)
        if any(message.fields for message in messages):
            texts = [self.text(as_json(message.fields)) if message.fields else s.Text()
                     for message in messages]
            self.options.message_fields = self.structs(s.Text, texts)

    def messages(self, messages: Sequence[Message]) -> int:
        """Address of the messages."""
        return self.structs(s.Message, [
            s.Message(self.text(one.role, "role"), self.text(one.content, "content"), one.flags, 0)
            for one in messages])

    def values(self, values: Mapping[str, Any]) -> tuple[int, int]:
        """Address and number of a template's values."""
        items = [s.TemplateValue(self.text(name), self.text(value_text(value)))
                 for name, value in values.items()]
        return self.structs(s.TemplateValue, items), len(items)

    def _constraints(self, options: RequestOptions) -> None:
        target = self.options
        for name, count in (("stops", "stop_count"), ("choices", "choice_count")):
            texts = getattr(options, name)
            if isinstance(texts, (str, bytes)):
                raise TypeError(f"{name} must be a list of texts")
            if texts:
                setattr(target, name, self.structs(s.Text, [self.text(text, name) for text in texts]))
                setattr(target, count, len(texts))
        if options.schema is not None:
            target.schema = self.text(schema_text(options.schema))

    def _sampling(self, given: Union[Sampling, Mapping[str, Any]], sampling: Any) -> None:
        whole = isinstance(given, Sampling)
        named = {name: getattr(given, name) for name in NUMBERS + LISTS} if whole else dict(given)  # type: ignore[arg-type]
        biases = [s.TokenBias() for _ in named.get("biases", {})]
        for item, (token, bias) in zip(biases, named.pop("biases", {}).items()):
            put(item, "token", token)
            put(item, "bias", bias)
        sampling.biases, sampling.bias_count = self.structs(s.TokenBias, biases), len(biases)
        for name in ("banned_token", "stop_token"):
            address, count = self.ids(named.pop(name + "s", ()))
            setattr(sampling, name + "s", address)
            setattr(sampling, name + "_count", count)
        for name, value in named.items():
            if name not in NUMBERS:
                raise TypeError(f"Sampling has no {name}")
            put(sampling, name, value)
        self.kept.append(sampling)

    def note(self, status: int, options: RequestOptions) -> str:
        """Which schema was refused; where, if it is no JSON. A schema is no secret."""
        if status != Status.SCHEMA or options.schema is None:
            return ""
        name = getattr(options.schema, "__name__", "the schema")
        return f"; in {name}" + (f" at byte {self.error.byte_offset}" if self.error.byte_offset else "")


def as_message(message: Union[Message, Mapping[str, Any]]) -> Message:
    """A Message of a mapping with "role" and "content"; what else it has are fields."""
    if isinstance(message, Message):
        return message
    if not isinstance(message, Mapping) or "role" not in message:
        raise TypeError("a message is a Message, or a mapping with role and content")
    rest = {name: value for name, value in message.items() if name not in ("role", "content")}
    return Message(message["role"], message.get("content") or "", rest or None)


def read_schema(schema: Any, text: str, finished: bool) -> Any:
    """An answer's value: an instance of a pydantic model class, or what its JSON says.

    Raises IncompleteAnswer: something else than its end ended it. pydantic's ValidationError: a rule
    of the class that its JSON schema does not state.
    """
    from ._errors import IncompleteAnswer

    if not finished:
        raise IncompleteAnswer(Status.SCHEMA, "The answer ended before its schema was satisfied")
    if isinstance(schema, type) and hasattr(schema, "model_validate_json"):
        return schema.model_validate_json(text)
    return from_json(text)


__all__ = ["Message", "RequestOptions", "Sampling", "VialError"]
