"""Owns: exceptions, which carry the status of the call that failed. Must not: hold text of a prompt."""

from __future__ import annotations

from typing import Optional, Union

from . import _structs as s
from ._constants import Status
from ._library import library


class VialError(Exception):
    """A call that libvial refused, or a request that ended with an error.

    Never contains text of a prompt, an answer or a file.

    status: What the call returned; a plain int when this package does not know the number.
    rule: Number of the broken rule of Spec/FORMAT.md, as in R-203; 0 when there is none.
    system_code: errno; 0 when there is none.
    byte_offset: Where in the file or text; 0 when there is none.
    """

    def __init__(
            self, status: int, message: str = "", rule: int = 0, system_code: int = 0,
            byte_offset: int = 0) -> None:
        self.status: Union[Status, int] = known(status)
        self.rule, self.system_code, self.byte_offset = rule, system_code, byte_offset
        name = library.vial_status_name(status).decode()
        text = message or library.vial_status_message(status).decode()
        super().__init__(f"{text} ({name}{f', R-{rule}' if rule else ''})")


class BusyError(VialError):
    """The engine's queue, or its tenant's part of it, is full: try again later."""


class FormatError(VialError):
    """The file breaks a rule of Spec/FORMAT.md; `rule` and `byte_offset` say which and where."""


class SchemaError(VialError):
    """The answer cannot be constrained to this schema, or to these choices."""


class HandleError(VialError):
    """The object was closed, or belongs to the process that forked this one."""


class TimeoutExpired(VialError):
    """The time was over before anything happened."""


class IncompleteAnswer(VialError):
    """The answer ended before its schema was satisfied; `finish_reason` of the answer says why."""


KINDS = {
    Status.BUSY: BusyError, Status.FORMAT: FormatError, Status.SCHEMA: SchemaError,
    Status.INVALID_HANDLE: HandleError, Status.CLOSED: HandleError, Status.FORKED: HandleError,
    Status.TIMED_OUT: TimeoutExpired}


def known(status: int) -> Union[Status, int]:
    """The status as a member of Status; a later library's number as it is."""
    try:
        return Status(status)
    except ValueError:
        return status


def failure(status: int, error: Optional[s.Error] = None, note: str = "") -> VialError:
    """The exception of a status, with the details of the call if there are any."""
    number = known(status)
    kind = KINDS.get(number, VialError) if isinstance(number, Status) else VialError
    if error is None:
        return kind(status, note)
    message = error.message.decode("utf-8", "replace")
    return kind(status, message + note, error.rule, error.system_code, error.byte_offset)
