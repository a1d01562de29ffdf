"""Owns: finding libvial, checking its ABI, and the signatures of its functions. Must not: wrap them.

ctypes releases the GIL around every call.
"""

from __future__ import annotations

import ctypes as c
import os
from typing import Any, Optional

from . import _structs as s
from ._constants import ABI_VERSION

NAME = "libvial.so.0"


class LibraryError(ImportError):
    """libvial is missing, cannot be loaded, or has another ABI; the message says what to do."""


p, u32, i32, u64 = c.c_void_p, c.c_uint32, c.c_int32, c.c_uint64
Text = s.Text

# Results and arguments of every function that is used, in the header's order.
SIGNATURES: dict[str, tuple[Any, ...]] = {
    "version_number": (u32,),
    "version_text": (c.c_char_p,),
    "build_info": (c.c_char_p,),
    "abi_version": (u32,),
    "format_version": (u32,),
    "arithmetic_version": (u32,),
    "isa_name": (c.c_char_p, u32),
    "status_name": (c.c_char_p, i32),
    "status_message": (c.c_char_p, i32),
    "model_open": (i32, c.c_char_p, p, p, p),
    "model_close": (None, p),
    "model_get_info": (i32, p, p),
    "model_copy_text": (i32, p, u32, p, u64, p, p),
    "model_get_adapter_info": (i32, p, u32, p),
    "model_copy_adapter_name": (i32, p, u32, p, u64, p),
    "model_verify": (i32, p, p, p),
    "engine_open": (i32, p, p, p, p),
    "engine_close": (i32, p),
    "engine_get_info": (i32, p, p),
    "engine_set_weight": (i32, p, Text, c.c_double, p),
    "engine_clear_tenant": (i32, p, Text, p),
    "model_get_sampling": (i32, p, Text, p, p),
    "engine_submit": (i32, p, p, p, p),
    "request_next_event": (i32, p, u32, p),
    "engine_next_event": (i32, p, u32, p),
    "engine_get_event_descriptor": (i32, p, p),
    "request_cancel": (i32, p),
    "request_close": (None, p),
    "request_get_info": (i32, p, p),
    "request_copy_text": (i32, p, u32, p, u64, p),
    "request_copy_tokens": (i32, p, p, u64, p),
    "request_copy_prompt_scores": (i32, p, p, u64, p),
    "request_copy_prompt_alternatives": (i32, p, u64, p, u64, p),
    "model_encode": (i32, p, Text, u32, p, u64, p, p),
    "model_decode": (i32, p, p, u64, u32, p, u64, p, p),
    "model_copy_token_bytes": (i32, p, u32, p, u64, p, p),
    "model_render_chat_template": (i32, p, p, u64, u32, p, u64, p, p),
    "model_copy_template_text": (i32, p, u32, u32, p, u64, p, p),
    "model_render_prompt_template": (i32, p, Text, p, u64, p, u64, p, p),
    "model_score": (i32, p, p, u64, p, p, p),
    "engine_get_metrics": (i32, p, p),
    "engine_copy_metrics_text": (i32, p, p, u64, p),
}
SIGNATURES.update({f"{name}_init": (i32, p, u32) for name in s.INITIAL})


def candidates() -> list[str]:
    """Where libvial is looked for: VIAL_LIBRARY alone if it is set; this package; the loader's path."""
    named = os.environ.get("VIAL_LIBRARY")
    if named:
        return [named]
    carried = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib", NAME)
    return [carried] if os.path.exists(carried) else [NAME]


def load(path: Optional[str] = None) -> c.CDLL:
    """Loads libvial and declares its functions.

    Raises LibraryError: there is none, it is no such library, or it has another ABI.
    """
    name = path or candidates()[0]
    try:
        library = c.CDLL(name)
    except OSError as error:
        raise LibraryError(
            f"cannot load libvial ({error}). Install a wheel that carries it (pip install "
            "./bindings/python in Vial's sources builds one), or set VIAL_LIBRARY to the path of "
            f"{NAME} (make libvial builds .build-libvial/lib/{NAME})") from None
    try:
        library.vial_abi_version.restype = u32
        abi = library.vial_abi_version()
    except AttributeError:
        raise LibraryError(f"{name} is not libvial: set VIAL_LIBRARY to the path of {NAME}") from None
    if abi != ABI_VERSION:
        raise LibraryError(
            f"{name} has ABI {abi}, and this package needs ABI {ABI_VERSION}: install the package and "
            "the library of one version (CHANGELOG.md has what changed)")
    for short, (result, *arguments) in SIGNATURES.items():
        try:
            function = getattr(library, "vial_" + short)
        except AttributeError:
            raise LibraryError(
                f"{name} has no vial_{short}: it is older than this package; install the library of "
                "the package's version") from None
        function.restype, function.argtypes = result, arguments
    return library


library = load()
