"""Owns: one generation: its events, one by one or as an answer. Must not: decide what is computed.

A request's events are read by threads, or by one event loop of asyncio; Engine says which.
"""

from __future__ import annotations

import ctypes as c
import struct
import threading
import weakref
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, AsyncIterator, Iterator, NamedTuple, Optional

from . import _structs as s
from ._call import Call, initial
from ._constants import (
    TOKEN_NONE, WAIT_FOREVER, EventKind, FinishReason, Part, RequestState, Status)
from ._errors import VialError, failure, known
from ._library import library as lib
from ._options import read_schema

if TYPE_CHECKING:
    import asyncio

    import numpy

    from ._engine import Engine

TOKEN, FINISHED = int(EventKind.TOKEN), int(EventKind.FINISHED)
OK, TIMED_OUT = int(Status.OK), int(Status.TIMED_OUT)
# How long a thread waits at once: between two waits Python handles signals, ctrl-C too.
SLICE_MILLISECONDS = 100
unpack_event = struct.Struct(s.EVENT_FORMAT).unpack_from
unpack_alternatives = struct.Struct("=If").iter_unpack
string_at = c.string_at
new = tuple.__new__


class Event(NamedTuple):
    """A token, or the end. Its text is not in its repr.

    kind: EventKind.TOKEN or FINISHED.
    text: What is now certain of the answer; may be empty. Of the end, too.
    part: Part.ANSWER or REASONING.
    token: The id; None when it is the end.
    log_probability: Natural logarithm, under the model's own distribution; NaN when it is the end.
    entropy: Nats, with RequestFlag.ENTROPY; else NaN.
    alternatives: (id, natural logarithm) of the likeliest tokens, best first.
    finish_reason: FinishReason. status: Of FinishReason.ERROR.
    """

    kind: int
    text: str
    part: int
    token: Optional[int]
    log_probability: float
    entropy: float
    alternatives: tuple[tuple[int, float], ...]
    finish_reason: int
    status: int

    def __repr__(self) -> str:
        return f"Event(kind={self.kind}, token={self.token}, finish_reason={self.finish_reason})"


def event_of(buffer: Any) -> tuple[int, Event]:
    """The request's handle and the event that a vial_event holds. Reads its pointers."""
    (_, kind, handle, data, length, part, token, log_probability, entropy, alternatives, count,
     reason, status, _) = unpack_event(buffer)
    text = string_at(data, length).decode() if length else ""
    likely = tuple(unpack_alternatives(string_at(alternatives, count * 8))) if count else ()
    return handle, new(Event, (
        kind, text, part, token if token != TOKEN_NONE else None, log_probability, entropy, likely,
        reason, status))


@dataclass(frozen=True)
class RequestInfo:
    """State and counts of a request: vial_request_info. Times in seconds."""

    state: RequestState
    finish_reason: FinishReason
    status: int
    prompt_token_count: int
    computed_prompt_token_count: int
    token_count: int
    queue_seconds: float
    prompt_seconds: float
    generation_seconds: float
    cached_prompt_token_count: int
    preemption_count: int


@dataclass(frozen=True)
class Answer:
    """A whole answer. Its texts are not in its repr.

    text, reasoning: The two parts.
    tokens: Ids, reasoning included unless it is withheld.
    log_probabilities: float32 of shape (tokens,): natural logarithms. alternatives: As in Event.
    finish_reason: Read it before you use an answer: LENGTH and BUDGET are cut.
    value: With a schema: an instance of the pydantic class, or what the JSON says; else None.
    """

    text: str = field(repr=False)
    reasoning: str = field(repr=False)
    tokens: list[int] = field(repr=False)
    log_probabilities: "numpy.ndarray[Any, Any]" = field(repr=False)
    alternatives: list[tuple[tuple[int, float], ...]] = field(repr=False)
    finish_reason: FinishReason
    info: RequestInfo
    _schema: Any = field(repr=False, default=None)

    @property
    def value(self) -> Any:
        """Raises IncompleteAnswer: it ended before its schema was satisfied."""
        if self._schema is None:
            return None
        return read_schema(self._schema, self.text, self.finish_reason == FinishReason.STOP)


class Guard:
    """Keeps a request's memory while somebody reads an event's pointers, without waiting to close.

    Closing while another thread (or the code that a signal handler interrupted) reads takes effect
    when that has read.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.closing: deque[int] = deque()

    def close(self, handle: int) -> None:
        """Closes a request now, or when whoever holds the lock lets go."""
        self.closing.append(handle)
        self.sweep()

    def sweep(self) -> None:
        """Closes what waits for it, unless somebody reads."""
        while self.closing and self.lock.acquire(False):
            try:
                lib.vial_request_close(self.closing.popleft())
            except IndexError:
                pass
            finally:
                self.lock.release()


class Request:
    """One generation. Iterate over its events, or take the whole answer.

    `for event in request` in threads; `async for` when it came from Engine.stream.
    """

    def __init__(self, engine: Engine, handle: int, guard: Guard, schema: Any) -> None:
        self._engine, self._handle, self._guard, self._schema = engine, handle, guard, schema
        self._event = initial("event")
        self._view = (c.c_char * c.sizeof(self._event)).from_buffer(self._event)
        self._address = c.addressof(self._event)
        self._ended = False
        self._finalizer = weakref.finalize(self, lib.vial_request_close, handle)
        # An engine is closed at exit, which ends its requests; their memory is still read then.
        self._finalizer.atexit = False

    def __enter__(self) -> Request:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def next_event(self, timeout: Optional[float] = None) -> Event:
        """Waits for the next event. Each comes once. timeout: Seconds; None: without a limit.

        Raises TimeoutExpired; HandleError (closed meanwhile, forked); VialError: FINISHED (the
        last event came before).
        """
        limit = WAIT_FOREVER if timeout is None else min(round(timeout * 1000), WAIT_FOREVER - 1)
        guard, take, handle = self._guard, lib.vial_request_next_event, self._handle
        while True:
            wait = min(limit, SLICE_MILLISECONDS)
            with guard.lock:
                status = take(handle, wait, self._address)
                event = event_of(self._view)[1] if status == OK else None
            if guard.closing:
                guard.sweep()
            if event is not None:
                return event
            if status != TIMED_OUT or wait == limit:
                raise failure(status)
            if limit != WAIT_FOREVER:
                limit -= wait

    def __iter__(self) -> Iterator[Event]:
        """Its events, to the last.

        Raises HandleError: it was closed meanwhile. The end tells of other failures: `status`.
        """
        if self._ended:
            return
        guard, take, handle = self._guard, lib.vial_request_next_event, self._handle
        address, view, lock = self._address, self._view, guard.lock
        while True:
            with lock:
                status = take(handle, SLICE_MILLISECONDS, address)
                event = event_of(view)[1] if status == OK else None
            if guard.closing:
                guard.sweep()
            if event is not None:
                self._ended = event[0] == FINISHED
                yield event
                if self._ended:
                    return
            elif status == Status.FINISHED:
                return
            elif status != TIMED_OUT:
                raise failure(status)

    def __aiter__(self) -> AsyncIterator[Event]:
        raise TypeError("a request of threads: use `for`, or Engine.stream for asyncio")

    def answer(self) -> Answer:
        """Waits for the end and returns what came since the last event that was taken.

        Raises VialError: the computation failed. HandleError: it was closed meanwhile.
        """
        return self._answer(list(self))

    def _answer(self, events: list[Event]) -> Answer:
        import numpy

        last = events[-1] if events else None
        if last is not None and last.finish_reason == FinishReason.ERROR:
            raise failure(last.status)
        tokens = [event for event in events if event[0] == TOKEN]
        parts = ["".join([event[1] for event in events if event[2] == part]) for part in Part]
        logs = numpy.fromiter((event[4] for event in tokens), numpy.float32, len(tokens))
        return Answer(
            parts[Part.ANSWER], parts[Part.REASONING], [event[3] for event in tokens],  # type: ignore[misc]
            logs, [event[6] for event in tokens], self.info.finish_reason, self.info, self._schema)

    def cancel(self) -> None:
        """Asks it to end; its last event still comes."""
        Call().check(lib.vial_request_cancel(self._handle))

    def close(self) -> None:
        """Cancels it if it runs, and wipes its text. Closing it again does nothing."""
        if self._finalizer.detach():
            lib.vial_request_cancel(self._handle)
            self._guard.close(self._handle)

    @property
    def info(self) -> RequestInfo:
        """State and counts. Raises HandleError."""
        info = initial("request_info")
        Call().check(lib.vial_request_get_info(self._handle, c.byref(info)))
        values = {name: getattr(info, name) for name in RequestInfo.__dataclass_fields__}
        values["state"] = RequestState(info.state)
        values["finish_reason"] = FinishReason(info.finish_reason)
        values["status"] = known(info.status)
        return RequestInfo(**values)

    def text(self, part: int = Part.ANSWER) -> str:
        """The text of one part so far, whether or not its events were taken. Raises HandleError."""
        return Call().filled_bytes(
            lib.vial_request_copy_text, self._handle, int(part), guess=4096, error=False).decode(
                "utf-8", "replace")

    def tokens(self) -> list[int]:
        """The ids so far. Raises HandleError."""
        return Call().filled_ids(
            lib.vial_request_copy_tokens, self._handle, guess=1024, error=False)

    def prompt_scores(self) -> "numpy.ndarray[Any, Any]":
        """float32 of shape (prompt tokens,): natural logarithms, NaN for the first; so far.

        Raises VialError: INVALID_ARGUMENT without RequestFlag.SCORE_PROMPT; HandleError.
        """
        import numpy

        buffer, count = Call().filled(
            c.c_float, lib.vial_request_copy_prompt_scores, (self._handle,), 1024, False)
        return numpy.array(buffer[:count], numpy.float32)

    def prompt_alternatives(self, index: int) -> tuple[tuple[int, float], ...]:
        """The likeliest tokens where the prompt has its token `index`, best first, as in Event.

        Raises VialError: INVALID_ARGUMENT without RequestFlag.SCORE_PROMPT, or beyond the prompt.
        """
        buffer, count = Call().filled(
            s.Alternative, lib.vial_request_copy_prompt_alternatives, (self._handle, index), 20, False)
        return tuple((likely.token, likely.log_probability) for likely in buffer[:count])


class Stream(Request):
    """A request whose events an event loop of asyncio reads: `async for event in stream`.

    Use it as `async with`; one task at a time waits for its events.
    """

    def __init__(self, engine: Engine, handle: int, guard: Guard, schema: Any) -> None:
        super().__init__(engine, handle, guard, schema)
        self._events: deque[Event] = deque()
        self._waiter: Optional[asyncio.Future[None]] = None
        self._closed = False

    def _push(self, event: Event) -> None:
        self._events.append(event)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        raise TypeError("a request of asyncio: use `async for`, or Engine.submit for threads")

    def next_event(self, timeout: Optional[float] = None) -> Event:
        """Not for asyncio: `async for`."""
        raise TypeError("a request of asyncio: use `async for`, or Engine.submit for threads")

    def answer(self) -> Answer:
        """Not for asyncio: `await stream.read()`."""
        raise TypeError("a request of asyncio: use `await stream.read()`")

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Its events, to the last. Raises HandleError: it was closed meanwhile."""
        events, loop = self._events, self._engine._running_loop()
        while not self._ended:
            while not events:
                if self._closed or self._engine.closed:
                    raise failure(Status.CLOSED)
                self._waiter = loop.create_future()
                try:
                    await self._waiter
                finally:
                    self._waiter = None
            event = events.popleft()
            self._ended = event[0] == FINISHED
            if self._ended:
                self._engine._streams.pop(self._handle, None)
            yield event

    async def read(self) -> Answer:
        """Waits for the end, as Request.answer."""
        return self._answer([event async for event in self])

    def close(self) -> None:
        """As Request.close, from the loop's thread; who waits for its events gets HandleError."""
        self._closed = True
        super().close()
        self._engine._forget(self._handle)
        self._wake()


__all__ = ["Answer", "Event", "Guard", "Request", "RequestInfo", "Stream", "VialError"]
