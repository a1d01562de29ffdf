"""Owns: an engine: submitting, and who reads its events. Must not: schedule; libvial does."""

from __future__ import annotations

import ctypes as c
import weakref
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Optional, Union

from . import _structs as s
from ._call import AnyText, Call, initial, put
from ._constants import CacheType, FinishReason, Status
from ._errors import BusyError, VialError, failure
from ._library import library as lib
from ._model import Model
from ._options import Asked, RequestCall, request_of
from ._request import OK, Answer, Guard, Request, Stream, event_of

if TYPE_CHECKING:
    import asyncio


@dataclass(frozen=True)
class EngineInfo:
    """What an engine is and holds: vial_engine_info. Counts of tokens or bytes, as named."""

    thread_count: int
    position_limit: int
    cache_position_count: int
    cache_byte_count: int
    isa: str
    memory_flags: int
    locked_byte_count: int
    unlocked_byte_count: int
    dumpable_byte_count: int


OPTION_NUMBERS = (
    "flags", "cache_type", "thread_count", "cache_byte_limit", "queue_limit", "tenant_queue_limit",
    "running_limit", "step_prompt_tokens")


class Engine:
    """Answers requests over one model, many at once; an answer does not depend on its neighbours.

    Any thread may use it. At a time its requests are read by threads (submit, ask, batch) or by
    one event loop of asyncio (stream, answer): open a second engine over the model for the other.
    """

    def __init__(
            self, model: Model, *, flags: int = 0, cache_type: int = CacheType.F16,
            thread_count: int = 0, cache_byte_limit: int = 0, isa: Optional[str] = None,
            queue_limit: int = 0, tenant_queue_limit: int = 0, running_limit: int = 0,
            step_prompt_tokens: int = 0) -> None:
        """Opens an engine; 0 is a good choice for every option (vial_engine_options has the limits).

        flags: EngineFlag. cache_type: CacheType, the only option that changes an answer.
        thread_count: Threads that compute. cache_byte_limit: Bytes of KV cache.
        queue_limit, tenant_queue_limit: Requests that wait; one more is BusyError.
        running_limit: Requests that are computed together. step_prompt_tokens: Tokens.

        Raises VialError: INVALID_ARGUMENT, UNSUPPORTED_ISA, OUT_OF_MEMORY, TOO_MANY_HANDLES;
        HandleError (the model is closed).
        """
        call, options, handle = Call(), initial("engine_options"), c.c_void_p()
        given = locals()
        for name in OPTION_NUMBERS:
            put(options, name, given[name])
        options.isa = isa.encode() if isa is not None else None
        call.check(lib.vial_engine_open(
            model._handle, c.byref(options), c.byref(handle), c.byref(call.error)))
        self.model = model
        self._handle = handle.value
        # At exit, too: it ends what is in flight and joins its threads.
        self._finalizer = weakref.finalize(self, lib.vial_engine_close, self._handle)
        self._guard = Guard()
        self._streams: weakref.WeakValueDictionary[int, Stream] = weakref.WeakValueDictionary()
        self._requests: weakref.WeakSet[Request] = weakref.WeakSet()
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._descriptor = -1
        self._event = initial("event")
        self._view = (c.c_char * c.sizeof(self._event)).from_buffer(self._event)
        self._address = c.addressof(self._event)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """Whether close was called."""
        return not self._finalizer.alive

    def close(self) -> None:
        """Ends its requests, joins its threads and frees its memory. Again it does nothing.

        Requests that are open keep their text; their last event is CANCELLED.
        """
        self._finalizer()
        self._unwatch()
        for handle, stream in list(self._streams.items()):
            # The engine's handle is gone, those of its requests are not: their last events.
            with self._guard.lock:
                while lib.vial_request_next_event(handle, 0, self._address) == OK:
                    stream._push(event_of(self._view)[1])
            stream._wake()
        self._guard.sweep()

    # ---- Requests of threads

    def submit(self, asked: Optional[Asked] = None, **options: Any) -> Request:
        """Submits a request: a question as str, RequestOptions, or a mapping of them.

        `options` are fields of RequestOptions, and of Sampling: submit("...", temperature=0).
        Never waits for an answer.

        Raises BusyError, SchemaError, HandleError (closed); VialError: INVALID_ARGUMENT,
        INVALID_UTF8, TOO_LONG, UNKNOWN_TOKEN, NOT_IN_FILE, TEMPLATE, FORMAT, ... (vial_engine_submit
        says when). TypeError, ValueError: what cannot be put into C.
        """
        if self._streams and any(not stream._ended for stream in self._streams.values()):
            raise RuntimeError("asyncio reads this engine's requests: open a second engine")
        request: Request = self._submitted(Request, Guard(), request_of(asked, options))
        return request

    def _submitted(self, kind: Any, guard: Guard, wanted: Any) -> Any:
        call, handle = RequestCall(wanted, self.model._recommended), c.c_void_p()
        status = lib.vial_engine_submit(
            self._handle, c.byref(call.options), c.byref(handle), c.byref(call.error))
        call.check(status, call.note(status, wanted) if status else "")
        request = kind(self, handle.value, guard, wanted.schema)
        (self._requests.add if kind is Request else self._watched)(request)
        return request

    def ask(self, asked: Optional[Asked] = None, **options: Any) -> Answer:
        """Submits a request and waits for its answer. Raises as submit, and VialError: it failed."""
        with self.submit(asked, **options) as request:
            return request.answer()

    def batch(
            self, asked: Iterable[Asked], *, parallel: int = 64, **options: Any
    ) -> Iterator[Union[Answer, Exception]]:
        """Answers, in the order of the requests, at most `parallel` of them in flight.

        A request that is refused or fails gives its exception in the answer's stead. `options` hold
        for all. Takes requests as answers are taken: any number of them.
        """
        waiting: deque[Union[Request, Exception]] = deque()
        try:
            for one in asked:
                while len(waiting) >= max(1, parallel):
                    yield self._result(waiting.popleft())
                wanted: Union[Request, Exception, None] = None
                while wanted is None:
                    try:
                        wanted = self.submit(one, **options)
                    except BusyError as error:
                        if not waiting:
                            wanted = error
                            break
                        yield self._result(waiting.popleft())
                    except (VialError, TypeError, ValueError) as error:
                        wanted = error
                waiting.append(wanted)
            while waiting:
                yield self._result(waiting.popleft())
        finally:
            for request in waiting:
                if isinstance(request, Request):
                    request.close()

    @staticmethod
    def _result(request: Union[Request, Exception]) -> Union[Answer, Exception]:
        if isinstance(request, Exception):
            return request
        with request:
            try:
                return request.answer()
            except VialError as error:
                return error

    # ---- Requests of asyncio

    def stream(self, asked: Optional[Asked] = None, **options: Any) -> Stream:
        """Submits a request that the running event loop reads: `async for event in stream`.

        Raises as submit; RuntimeError: no loop runs, another loop or threads read this engine.
        """
        loop = self._running_loop()
        if self._loop is not None and self._loop is not loop and not self._loop.is_closed():
            raise RuntimeError("another event loop reads this engine's requests")
        if any(request._finalizer.alive and not request._ended for request in self._requests):
            raise RuntimeError("threads read this engine's requests: open a second engine")
        if self._loop is not loop:
            self._watch(loop)
        stream: Stream = self._submitted(Stream, self._guard, request_of(asked, options))
        return stream

    async def answer(self, asked: Optional[Asked] = None, **options: Any) -> Answer:
        """Submits a request and awaits its answer; cancelling the task cancels it."""
        async with self.stream(asked, **options) as stream:
            return await stream.read()

    @staticmethod
    def _running_loop() -> asyncio.AbstractEventLoop:
        # Whoever has a running loop has imported asyncio, half of what `import vial` would take.
        import asyncio

        return asyncio.get_running_loop()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        descriptor = c.c_int32(-1)
        Call().check(lib.vial_engine_get_event_descriptor(self._handle, c.byref(descriptor)))
        self._descriptor, self._loop = descriptor.value, loop
        for stream in list(self._streams.values()):
            stream.close()
        loop.add_reader(self._descriptor, self._pump)

    def _unwatch(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None and not loop.is_closed():
            loop.remove_reader(self._descriptor)

    def _watched(self, stream: Stream) -> None:
        self._streams[stream._handle] = stream

    def _forget(self, handle: int) -> None:
        self._streams.pop(handle, None)
        if not self._streams:
            self._unwatch()

    def _pump(self) -> None:
        """Hands every event that there is to its stream. The loop calls it when there may be one."""
        guard, take, handle, view = self._guard, lib.vial_engine_next_event, self._handle, self._view
        address, streams = self._address, self._streams
        while True:
            with guard.lock:
                status = take(handle, 0, address)
                if status != OK:
                    break
                # The stream is held from here on: its memory stays.
                stream = streams.get(self._event.request)
                event = event_of(view)[1] if stream is not None and not stream._closed else None
            if guard.closing:
                guard.sweep()
            if event is not None and stream is not None:
                stream._push(event)
        guard.sweep()
        if status == Status.CLOSED:
            self._unwatch()

    # ---- The engine itself

    @property
    def info(self) -> EngineInfo:
        """What it is and holds. Raises HandleError."""
        info = initial("engine_info")
        Call().check(lib.vial_engine_get_info(self._handle, c.byref(info)))
        values = {name: getattr(info, name) for name in EngineInfo.__dataclass_fields__}
        values["isa"] = (info.isa or b"").decode()
        return EngineInfo(**values)

    @property
    def metrics(self) -> dict[str, Any]:
        """Counters and gauges by their names in vial_engine_metrics; histograms as (counts, sum)."""
        metrics = initial("engine_metrics")
        Call().check(lib.vial_engine_get_metrics(self._handle, c.byref(metrics)))
        values: dict[str, Any] = {}
        for name, *_ in s.EngineMetrics._fields_:
            value = getattr(metrics, name)
            if isinstance(value, s.LatencyHistogram):
                values[name] = (list(value.counts), value.sum)
            elif name == "finished_counts":
                values[name] = {reason: value[reason] for reason in FinishReason}
            elif name != "struct_size" and not name.startswith("reserved"):
                values[name] = value
        return values

    @property
    def metrics_text(self) -> str:
        """The same in Prometheus' exposition format."""
        return Call().filled_bytes(
            lib.vial_engine_copy_metrics_text, self._handle, guess=16384, error=False).decode()

    def set_weight(self, tenant: Optional[AnyText], weight: float) -> None:
        """A tenant's weight in fair queueing, 0.001 to 1000; 1 at first. None: requests without one."""
        call = Call()
        call.check(lib.vial_engine_set_weight(
            self._handle, call.optional_text(tenant, "tenant"), float(weight), c.byref(call.error)))

    def clear_tenant(self, tenant: Optional[AnyText]) -> None:
        """Wipes what a tenant's finished requests left in the caches. None: requests without one."""
        call = Call()
        call.check(lib.vial_engine_clear_tenant(
            self._handle, call.optional_text(tenant, "tenant"), c.byref(call.error)))


__all__ = ["Engine", "EngineInfo", "failure"]
