"""Owns: the numbers of Include/vial.h, by the names there. Must not: hold one that is not there.

tests/test_layout.py compares each with the header.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

ABI_VERSION = 1
WAIT_FOREVER = 0xFFFFFFFF
TOKEN_NONE = 0xFFFFFFFF
REASONING_NONE = 0xFFFFFFFF
ANSWER_NONE = 0xFFFFFFFF
ADAPTER_NAME_LIMIT = 255


class Status(IntEnum):
    """VIAL_STATUS_...: what a call returned."""

    OK = 0
    INVALID_ARGUMENT = 1
    INVALID_HANDLE = 2
    INVALID_STRUCT_SIZE = 3
    INVALID_UTF8 = 4
    TOO_LONG = 5
    BUFFER_TOO_SMALL = 6
    OUT_OF_MEMORY = 7
    SYSTEM = 8
    FORMAT = 9
    UNKNOWN_TOKEN = 10
    NOT_IN_FILE = 11
    TEMPLATE = 12
    NUMERIC = 13
    CANCELLED = 14
    FORKED = 15
    UNSUPPORTED_ISA = 16
    TOO_MANY_HANDLES = 17
    UNTRUSTED = 18
    SCHEMA = 19
    BUSY = 20
    CLOSED = 21
    TIMED_OUT = 22
    FINISHED = 23
    IN_CALLBACK = 24


class Access(IntEnum):
    """VIAL_ACCESS_...: how the file gets into memory."""

    MAPPED = 0
    PRIVATE_COPY = 1


class Verification(IntEnum):
    """VIAL_VERIFICATION_...: when bytes of the file are compared with their digests."""

    TABLES = 0
    LAZY = 1
    WHOLE = 2


class ModelFlag(IntFlag):
    """VIAL_MODEL_...: what a file has."""

    HAS_CHAT_TEMPLATE = 1
    HAS_TIED_EMBEDDING = 2
    BEGINS_WITH_TOKEN = 4
    HAS_NOTICE = 8


class ModelText(IntEnum):
    """VIAL_MODEL_TEXT_...."""

    ARCHITECTURE = 1
    NAME = 2
    NOTICE = 3
    MODEL_DIGEST = 4
    FILE_DIGEST = 5


class CacheType(IntEnum):
    """VIAL_CACHE_...: number type of cached keys and values."""

    F16 = 0
    F32 = 1
    INT8 = 2


class EngineFlag(IntFlag):
    """VIAL_ENGINE_...."""

    NO_SHARING = 1
    LOCK_MEMORY = 2


class SamplingFlag(IntFlag):
    """VIAL_SAMPLING_...."""

    IGNORE_END = 1


class PenaltyScope(IntEnum):
    """VIAL_PENALTY_...: which tokens a penalty looks at."""

    ANSWER = 0
    PROMPT = 1
    BOTH = 2


class MessageFlag(IntFlag):
    """VIAL_MESSAGE_...."""

    ALLOW_SPECIAL_TOKENS = 1


class EventKind(IntEnum):
    """VIAL_EVENT_...."""

    NONE = 0
    TOKEN = 1
    FINISHED = 2


class Part(IntEnum):
    """VIAL_PART_...: which part of an answer a text belongs to."""

    ANSWER = 0
    REASONING = 1


class FinishReason(IntEnum):
    """VIAL_FINISH_...: why a request ended."""

    NONE = 0
    STOP = 1
    LENGTH = 2
    STOP_STRING = 3
    CANCELLED = 4
    DEADLINE = 5
    ERROR = 6
    BUDGET = 7


class RequestFlag(IntFlag):
    """VIAL_REQUEST_...."""

    RAW = 1
    PRIVATE = 2
    PINNED = 4
    WITHHOLD_REASONING = 8
    NO_SCHEMA = 16
    ENTROPY = 32
    SCORE_PROMPT = 64


class RequestState(IntEnum):
    """VIAL_STATE_...: where a request is."""

    WAITING = 0
    RUNNING = 1
    FINISHED = 2


class EncodeFlag(IntFlag):
    """VIAL_ENCODE_...."""

    ADD_SPECIAL_TOKENS = 1
    ALLOW_SPECIAL_TOKENS = 2


class DecodeFlag(IntFlag):
    """VIAL_DECODE_...."""

    SKIP_SPECIAL_TOKENS = 1


class TemplateText(IntEnum):
    """VIAL_TEMPLATE_TEXT_...."""

    ID = 1
    VERSION = 2
    TASK = 3
    LANGUAGE = 4
    TITLE = 5
    SCHEMA = 6
    VARIABLES = 7
    DECLARATIONS = 8
