"""Owns: memory and checks of one call's arguments. Must not: know what a function means."""

from __future__ import annotations

import array
import atexit
import ctypes as c
import threading
from typing import Any, Callable, Optional, Sequence, Union

from . import _structs as s
from ._constants import Status
from ._errors import failure
from ._library import library

AnyText = Union[str, bytes]
# A list of ints, an array.array("I") or a NumPy array of uint32; the last two are not copied.
Tokens = Union[Sequence[int], "array.array[int]", Any]

RANGES = {
    c.c_uint32: (0, 2**32 - 1), c.c_uint64: (0, 2**64 - 1), c.c_int32: (-(2**31), 2**31 - 1)}


def initial(name: str) -> Any:
    """A struct with the library's defaults."""
    value = s.INITIAL[name]()
    status = getattr(library, f"vial_{name}_init")(c.byref(value), c.sizeof(value))
    if status:
        raise failure(status)
    return value


def put(struct: Any, field: str, value: Any) -> None:
    """Sets a number of a struct. ctypes would cut one that does not fit; this raises instead.

    Raises TypeError (no number), ValueError (out of the field's range).
    """
    kind = dict((name, kind) for name, kind, *_ in struct._fields_)[field]
    if kind in RANGES:
        low, high = RANGES[kind]
        if not hasattr(value, "__index__"):
            raise TypeError(f"{field} must be an integer")
        value = value.__index__()
        if not low <= value <= high:
            raise ValueError(f"{field} must be from {low} to {high}")
    elif not hasattr(value, "__float__"):
        raise TypeError(f"{field} must be a number")
    else:
        value = float(value)
    setattr(struct, field, value)


class Call:
    """Arguments of one call, which it keeps alive, and its error."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.error: s.Error = initial("error")

    def text(self, value: AnyText, name: str = "a text") -> s.Text:
        """The bytes of a str or bytes, which are not copied once more.

        A str with lone surrogates is left to the library, which says INVALID_UTF8 and where.
        """
        if isinstance(value, str):
            value = value.encode("utf-8", "surrogatepass")
        elif not isinstance(value, bytes):
            raise TypeError(f"{name} must be str or bytes, not {type(value).__name__}")
        self.kept.append(value)
        return s.Text(c.cast(c.c_char_p(value), c.c_void_p).value, len(value))

    def optional_text(self, value: Optional[AnyText], name: str) -> s.Text:
        """An absent text for None."""
        return s.Text() if value is None else self.text(value, name)

    def structs(self, kind: type[Any], values: Sequence[Any]) -> int:
        """Address of an array of structs."""
        items = (kind * max(1, len(values)))(*values)
        self.kept.append(items)
        return c.addressof(items)

    def ids(self, tokens: Tokens) -> tuple[int, int]:
        """Address and number of token ids. Raises TypeError, ValueError (below 0 or above 32 bits)."""
        items: Any = tokens
        try:
            view = memoryview(items)
            fits = view.ndim == 1 and view.format in ("I", "L") and view.itemsize == 4 and view.contiguous
        except TypeError:
            fits = False
        if not fits:
            if isinstance(tokens, (str, bytes)):
                raise TypeError("token ids must be integers, not a text")
            try:
                items = array.array("I", tokens)
            except OverflowError:
                raise ValueError("token ids must be from 0 to 4294967295") from None
            view = memoryview(items)
        count = len(view)
        if view.readonly or not count:
            lent = (c.c_uint32 * max(1, count))(*view)
        else:
            lent = (c.c_uint32 * count).from_buffer(items)
        self.kept.append(lent)
        return c.addressof(lent), count

    def check(self, status: int, note: str = "") -> None:
        """Raises VialError unless the status is OK."""
        if status:
            raise failure(status, self.error, note)

    def filled_bytes(self, function: Any, *arguments: Any, guess: int = 0, error: bool = True) -> bytes:
        """What a copy_ or decode function writes: a second call when `guess` bytes were too few."""
        buffer, length = self.filled(c.c_char, function, arguments, guess, error)
        return bytes(memoryview(buffer)[:length]) if length else b""

    def filled_ids(self, function: Any, *arguments: Any, guess: int = 0, error: bool = True) -> list[int]:
        """The same of token ids."""
        buffer, count = self.filled(c.c_uint32, function, arguments, guess, error)
        return list(buffer[:count])

    def filled(
            self, kind: Any, function: Any, arguments: tuple[Any, ...], guess: int,
            error: bool) -> tuple[Any, int]:
        """The same of elements of any C type: the buffer, and how many of its elements are filled."""
        count = c.c_uint64()
        last = (c.byref(self.error),) if error else ()
        while True:
            buffer = (kind * max(1, guess))()
            status = function(*arguments, buffer, guess, c.byref(count), *last)
            if status != Status.BUFFER_TOO_SMALL:
                break
            guess = count.value
        if status:
            raise failure(status, self.error if error else None)
        return buffer, count.value


PROGRESS = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_uint64, c.c_uint64)
Progress = Callable[[int, int], Any]


class WatchedCall(Call):
    """A call that takes a progress callback, and that ctrl-C and other signals interrupt."""

    def __init__(self, progress: Optional[Progress]) -> None:
        super().__init__()
        self._progress = progress
        self._raised: Optional[BaseException] = None
        self._stopped = False
        self._status = 0
        self._done = threading.Lock()
        self._done.acquire()
        self._function = PROGRESS(self._report)
        self.progress = c.cast(self._function, c.c_void_p).value

    def _report(self, context: Any, done: int, total: int) -> int:
        try:
            stops = self._progress is not None and self._progress(done, total) is False
            return 1 if stops or self._stopped else 0
        except BaseException as error:
            self._raised = error
            return 1

    def run(self, function: Any, *arguments: Any) -> None:
        """Calls the function. Raises what the callback or a signal's handler raised, or VialError.

        From the main thread it runs on a thread of its own. Only the main thread handles signals,
        and one that came as the callback began would be lost between Python and C.
        """
        if threading.current_thread() is not threading.main_thread():
            self._call(function, arguments)
        else:
            # The thread keeps this call and the arguments, whatever interrupts who waits.
            threading.Thread(
                target=self._call, args=(function, arguments), name="vial", daemon=True).start()
            try:
                self.wait()
            except BaseException:
                self.stop()
                raise
        if self._raised is not None:
            raise self._raised
        self.check(self._status)

    def _call(self, function: Any, arguments: tuple[Any, ...]) -> None:
        running.add(self)
        try:
            self._status = Status.CLOSED if exiting else function(*arguments)
        finally:
            running.discard(self)
            self._done.release()

    def wait(self) -> None:
        """Waits until the function has returned.

        Not by Thread.join, which takes a thread for ended when a signal interrupts it.
        """
        while not self._done.acquire(timeout=0.1):
            pass
        self._done.release()

    def stop(self) -> None:
        """Stops the function at its next report, and waits for that whatever interrupts it."""
        self._stopped = True
        while True:
            try:
                return self.wait()
            except BaseException:
                continue


# Calls that the interpreter must not leave behind: they write into memory of Python's objects.
running: set[WatchedCall] = set()
exiting = False


@atexit.register
def stop_running() -> None:
    """At exit: ends the calls of daemon threads, and lets them begin no others."""
    global exiting
    exiting = True
    for call in list(running):
        call.stop()
