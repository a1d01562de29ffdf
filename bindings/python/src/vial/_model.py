"""Owns: a model in an opened file, and what the file tells. Must not: answer requests; engines do."""

from __future__ import annotations

import ctypes as c
import os
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence, Union

from ._call import AnyText, Call, Progress, Tokens, WatchedCall, initial, put
from ._constants import (
    ADAPTER_NAME_LIMIT, TOKEN_NONE, CacheType, ModelFlag, ModelText, Status, TemplateText)
from ._errors import VialError
from ._library import library as lib
from ._options import LISTS, NUMBERS, Message, RequestCall, RequestOptions, Sampling, as_message

if TYPE_CHECKING:
    from pathlib import Path

    import numpy


@dataclass(frozen=True)
class ModelInfo:
    """What a file contains: vial_model_info. Counts are of numbers, tokens or bytes, as named."""

    flags: ModelFlag
    parameter_count: int
    weights_byte_count: int
    file_byte_count: int
    layer_count: int
    hidden_size: int
    feed_forward_size: int
    head_count: int
    key_value_head_count: int
    head_dimension: int
    vocabulary_size: int
    token_count: int
    context_length: int
    score_window: int
    begin_token: Optional[int]
    adapter_count: int
    model_digest: bytes
    file_digest: bytes


@dataclass(frozen=True)
class Adapter:
    """An adapter (LoRA) of a file: vial_adapter_info."""

    name: str
    rank: int
    target_count: int
    parameter_count: int
    byte_count: int
    digest: bytes


@dataclass(frozen=True)
class Template:
    """A prompt template of a file; schema is None when its answers are plain text.

    declarations: What its variables take, an object for each (Spec/TEMPLATES.md).
    """

    id: str
    version: str
    task: str
    language: str
    title: str
    schema: Optional[str]
    variables: list[str]
    declarations: list[dict[str, Any]]


def demo_path() -> Path:
    """The demonstration model: small, and medically unreliable. Raises FileNotFoundError."""
    from pathlib import Path

    here = Path(__file__).resolve()
    for path in (here.with_name("demo.vial"),
                 here.parents[4] / "Sources" / "VialCommand" / "Resources" / "demo.vial"):
        if path.exists():
            return path
    raise FileNotFoundError("this installation of vial carries no demonstration model")


class Model:
    """A model in an opened file. Immutable; any thread may use it at any time.

    Use it as a context manager, or close it: engines over it live on.
    """

    def __init__(
            self, path: Union[str, bytes, "os.PathLike[str]"], *, access: int = 0,
            verification: int = 0, trusted_keys: Optional[Sequence[bytes]] = None) -> None:
        """Opens a file: milliseconds, unless all of it is verified.

        access: Access. verification: Verification.
        trusted_keys: Ed25519 public keys of 32 bytes; one of them must have signed the file. An
            empty list trusts nobody.

        Raises VialError: SYSTEM (system_code is the errno), FORMAT (rule, byte_offset), UNTRUSTED,
        TOO_LONG, INVALID_UTF8 (path), INVALID_ARGUMENT, TOO_MANY_HANDLES, OUT_OF_MEMORY.
        ValueError: a zero in the path, a key that is not of 32 bytes.
        """
        call, options, handle = Call(), initial("model_options"), c.c_void_p()
        name = os.fsencode(path)
        if b"\0" in name:
            raise ValueError("a path has no zero bytes")
        put(options, "access", access)
        put(options, "verification", verification)
        if trusted_keys is not None:
            if any(len(key) != 32 for key in trusted_keys):
                raise ValueError("a trusted key has 32 bytes")
            options.trusted_keys = call.text(b"".join(trusted_keys)).data
            options.trusted_key_count = len(trusted_keys)
        call.check(lib.vial_model_open(name, c.byref(options), c.byref(handle), c.byref(call.error)))
        self._handle = handle.value
        self._finalizer = weakref.finalize(self, lib.vial_model_close, self._handle)
        self._finalizer.atexit = False

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes it. Calls that run in other threads finish; closing it again does nothing."""
        self._finalizer()

    @property
    def info(self) -> ModelInfo:
        """What the file contains."""
        info = initial("model_info")
        Call().check(lib.vial_model_get_info(self._handle, c.byref(info)))
        values = {name: getattr(info, name) for name in ModelInfo.__dataclass_fields__}
        values["flags"] = ModelFlag(info.flags)
        values["begin_token"] = None if info.begin_token == TOKEN_NONE else info.begin_token
        for name in ("model_digest", "file_digest"):
            values[name] = bytes(values[name])
        return ModelInfo(**values)

    def _text(self, which: int) -> str:
        return Call().filled_bytes(lib.vial_model_copy_text, self._handle, which, guess=256).decode()

    @property
    def architecture(self) -> str:
        """"qwen2", "llama"."""
        return self._text(ModelText.ARCHITECTURE)

    @property
    def name(self) -> str:
        """The model's name, as its author wrote it; may be empty."""
        return self._text(ModelText.NAME)

    @property
    def notice(self) -> Optional[str]:
        """What every user must be shown before the first answer; None: nothing."""
        try:
            return self._text(ModelText.NOTICE)
        except VialError as error:
            if error.status != Status.NOT_IN_FILE:
                raise
            return None

    @property
    def adapters(self) -> list[Adapter]:
        """The file's adapters, in ascending order of their names."""
        found = []
        for index in range(self.info.adapter_count):
            call, info = Call(), initial("adapter_info")
            call.check(lib.vial_model_get_adapter_info(self._handle, index, c.byref(info)))
            name = call.filled_bytes(
                lib.vial_model_copy_adapter_name, self._handle, index, guess=ADAPTER_NAME_LIMIT,
                error=False)
            found.append(Adapter(
                name.decode(), info.rank, info.target_count, info.parameter_count, info.byte_count,
                bytes(info.digest)))
        return found

    @property
    def templates(self) -> list[Template]:
        """The file's prompt templates, in file order. Raises VialError: FORMAT (one is damaged)."""
        import json

        found: list[Template] = []
        while True:
            try:
                texts = [self._template_text(len(found), which) for which in TemplateText]
            except VialError as error:
                if error.status != Status.NOT_IN_FILE:
                    raise
                return found
            name, version, task, language, title, schema, variables, declarations = texts
            found.append(Template(
                name, version, task, language, title, schema or None,
                variables.split("\n") if variables else [], json.loads(declarations or "[]")))

    def _template_text(self, index: int, which: int) -> str:
        return Call().filled_bytes(
            lib.vial_model_copy_template_text, self._handle, index, which, guess=4096).decode()

    def sampling(self, template: Optional[str] = None) -> Sampling:
        """What the file recommends, or one of its prompt templates.

        Raises VialError: NOT_IN_FILE (no such template), FORMAT (it is damaged).
        """
        call, sampling = Call(), initial("sampling_options")
        self._recommended(call, template, sampling)
        values = {name: getattr(sampling, name) for name in NUMBERS if name not in LISTS}
        return Sampling(**values)

    def _recommended(self, call: Call, template: Optional[str], sampling: Any) -> None:
        call.check(lib.vial_model_get_sampling(
            self._handle, call.optional_text(template, "template"), c.byref(sampling),
            c.byref(call.error)))

    def encode(self, text: AnyText, *, flags: int = 0) -> list[int]:
        """Token ids of a text, at most VIAL_TEXT_BYTE_LIMIT bytes. flags: EncodeFlag.

        Raises VialError: INVALID_UTF8 (byte_offset), TOO_LONG, INVALID_ARGUMENT, FORMAT.
        """
        call = Call()
        given = call.text(text)
        return call.filled_ids(
            lib.vial_model_encode, self._handle, given, flag(flags), guess=given.length + 34)

    def decode(self, tokens: Tokens, *, flags: int = 0) -> str:
        """Text of token ids; bytes that are no whole character become U+FFFD. flags: DecodeFlag.

        Raises VialError: UNKNOWN_TOKEN, TOO_LONG, INVALID_ARGUMENT.
        """
        call = Call()
        address, count = call.ids(tokens)
        return call.filled_bytes(
            lib.vial_model_decode, self._handle, address, count, flag(flags), guess=count * 8).decode()

    def token_bytes(self, token: int) -> bytes:
        """The bytes that one token stands for. Raises VialError: UNKNOWN_TOKEN."""
        return Call().filled_bytes(
            lib.vial_model_copy_token_bytes, self._handle, flag(token, "token"), guess=64)

    def render_chat(self, messages: Sequence[Union[Message, Mapping[str, Any]]]) -> list[int]:
        """Token ids of a conversation that asks for an answer, by the file's chat template.

        Further fields of messages need a request: Engine.submit(messages=...).
        Raises VialError: NOT_IN_FILE (no chat template), TEMPLATE, TOO_LONG, INVALID_UTF8.
        """
        call = RequestCall(RequestOptions(), None)
        listed = [as_message(message) for message in messages]
        return call.filled_ids(
            lib.vial_model_render_chat_template, self._handle, call.messages(listed), len(listed), 0,
            guess=4096)

    def render_template(self, template: str, values: Mapping[str, Any]) -> list[int]:
        """Token ids of a prompt template's prompt. Values as RequestOptions has them.

        Raises VialError: NOT_IN_FILE, TEMPLATE (a value is missing, unknown or does not fit).
        """
        call = RequestCall(RequestOptions(), None)
        return call.filled_ids(
            lib.vial_model_render_prompt_template, self._handle, call.text(template, "template"),
            *call.values(values), guess=4096)

    def score(
            self, tokens: Tokens, *, adapter: Optional[str] = None, adapter_scale: float = 0.0,
            cache_type: int = CacheType.F16, thread_count: int = 0, isa: Optional[str] = None,
            progress: Optional[Progress] = None) -> "numpy.ndarray[Any, numpy.dtype[numpy.float32]]":
        """Natural logarithm of each id's probability after those before it.

        Returns float32 of shape (number of ids,), which the library filled in place; NaN for the
        first id of every window of score_window.
        progress: Called with ids done and in all, perhaps on another thread; False stops. What it
            raises comes out of this call.

        Raises VialError: UNKNOWN_TOKEN, NOT_IN_FILE (no such adapter), CANCELLED, FORMAT, ...
        """
        import numpy

        call, options = WatchedCall(progress), initial("score_options")
        address, count = call.ids(tokens)
        options.adapter = call.optional_text(adapter, "adapter")
        for name, value in (("adapter_scale", adapter_scale), ("cache_type", cache_type),
                            ("thread_count", thread_count)):
            put(options, name, value)
        options.isa = isa.encode() if isa is not None else None
        options.progress = call.progress
        scores = numpy.empty(count, numpy.float32)
        call.kept.append(scores)
        call.run(lib.vial_model_score, self._handle, address, count, c.byref(options),
                 scores.ctypes.data, c.byref(call.error))
        return scores

    def verify(self, *, thread_count: int = 0, progress: Optional[Progress] = None) -> None:
        """Compares every byte with its digest, and every weight with the rules of its encoding.

        progress: Called with bytes done and in all, as by score.
        Raises VialError: FORMAT (the file is not intact: rule, byte_offset), CANCELLED.
        """
        call, options = WatchedCall(progress), initial("verify_options")
        put(options, "thread_count", thread_count)
        options.progress = call.progress
        call.run(lib.vial_model_verify, self._handle, c.byref(options), c.byref(call.error))


def flag(value: int, name: str = "flags") -> int:
    """A number that fits 32 bits, for an argument, which ctypes would cut."""
    number = value.__index__()
    if not 0 <= number < 2**32:
        raise ValueError(f"{name} must be from 0 to 4294967295")
    return number


__all__ = ["Adapter", "Model", "ModelInfo", "Template", "demo_path"]
