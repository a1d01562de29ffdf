"""Vial: medical language models from one mapped file.

    import vial

    with vial.Model("model.vial") as model, vial.Engine(model) as engine:
        print(engine.ask("What are the symptoms of asthma?").text)

This package wraps Include/vial.h, which is the manual; it holds no logic of its own. Loading it
loads libvial: LibraryError (an ImportError) says what to do when that fails. Every failure of
libvial is a VialError with its status. The GIL is released while libvial works. Python's texts
cannot be wiped; libvial wipes its copies.
"""

from __future__ import annotations

from ._constants import (
    ANSWER_NONE, REASONING_NONE, Access, CacheType, DecodeFlag, EncodeFlag, EngineFlag, EventKind,
    FinishReason, MessageFlag, ModelFlag, Part, PenaltyScope, RequestFlag, RequestState,
    SamplingFlag, Status, Verification)
from ._errors import (
    BusyError, FormatError, HandleError, IncompleteAnswer, SchemaError, TimeoutExpired, VialError)
from ._library import LibraryError, library as _loaded
from ._model import Adapter, Model, ModelInfo, Template, demo_path
from ._options import Message, RequestOptions, Sampling
from ._request import Answer, Event, Request, RequestInfo, Stream
from ._engine import Engine, EngineInfo

__version__: str = _loaded.vial_version_text().decode()


def arithmetic_version() -> int:
    """With the same number, the same file and the same request give the same bytes."""
    return int(_loaded.vial_arithmetic_version())


def build_info() -> str:
    """What libvial was built from, as JSON."""
    return str(_loaded.vial_build_info().decode())


__all__ = [
    "ANSWER_NONE", "REASONING_NONE", "Access", "Adapter", "Answer", "BusyError", "CacheType",
    "DecodeFlag", "EncodeFlag", "Engine", "EngineFlag", "EngineInfo", "Event", "EventKind",
    "FinishReason", "FormatError", "HandleError", "IncompleteAnswer", "LibraryError", "Message",
    "MessageFlag", "Model", "ModelFlag", "ModelInfo", "Part", "PenaltyScope", "Request",
    "RequestFlag", "RequestInfo", "RequestOptions", "RequestState", "Sampling", "SamplingFlag",
    "SchemaError", "Status", "Stream", "Template", "TimeoutExpired", "Verification", "VialError",
    "arithmetic_version", "build_info", "demo_path"]
