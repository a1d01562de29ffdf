"""Owns: structs, numbers and functions of this package against Include/vial.h, by a C compiler's word."""

from __future__ import annotations

import ctypes as c
import re
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from vial import _constants, _library, _structs

HEADER = Path(__file__).resolve().parents[3] / "Include" / "vial.h"
# How the header begins the names of an enumeration's numbers.
PREFIXES = {
    "Status": "STATUS", "Access": "ACCESS", "Verification": "VERIFICATION", "ModelFlag": "MODEL",
    "ModelText": "MODEL_TEXT", "CacheType": "CACHE", "EngineFlag": "ENGINE", "SamplingFlag": "SAMPLING",
    "PenaltyScope": "PENALTY", "MessageFlag": "MESSAGE", "EventKind": "EVENT", "Part": "PART",
    "FinishReason": "FINISH", "RequestFlag": "REQUEST", "RequestState": "STATE", "EncodeFlag": "ENCODE",
    "DecodeFlag": "DECODE", "TemplateText": "TEMPLATE_TEXT"}
MACROS = ("ABI_VERSION", "WAIT_FOREVER", "TOKEN_NONE", "REASONING_NONE", "ANSWER_NONE", "ADAPTER_NAME_LIMIT")
# Numbers of the header that no binding needs: this package has no log callback and no memory flags by name.
UNUSED = ("VIAL_LOG_", "VIAL_MEMORY_")


def compiled(expressions: list[str]) -> list[int]:
    """What a C compiler says that the expressions are."""
    lines = "\n".join(f'  printf("%lld\\n", (long long)({one}));' for one in expressions)
    source = f"#include <stddef.h>\n#include <stdio.h>\n#include <vial.h>\nint main(void) {{\n{lines}\n  return 0;\n}}\n"
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "layout"
        subprocess.run(["gcc", "-x", "c", "-I", str(HEADER.parent), "-", "-o", str(program)],
                       input=source.encode(), check=True)
        output = subprocess.run([str(program)], check=True, capture_output=True).stdout
    return [int(line) for line in output.split()]


class Layout(unittest.TestCase):
    def test_structs(self) -> None:
        expressions, here = [], []
        for name, kind in {**_structs.INITIAL, **_structs.PLAIN}.items():
            expressions.append(f"sizeof(vial_{name})")
            here.append(c.sizeof(kind))
            for field, *_ in kind._fields_:
                expressions += [f"offsetof(vial_{name}, {field})", f"sizeof(((vial_{name} *)0)->{field})"]
                member = getattr(kind, field)
                here += [member.offset, member.size]
        self.assertEqual(dict(zip(expressions, here)), dict(zip(expressions, compiled(expressions))))
        self.assertEqual(struct.calcsize(_structs.EVENT_FORMAT), c.sizeof(_structs.Event))

    def test_every_field_is_there(self) -> None:
        text = re.sub(r"/\*.*?\*/", "", HEADER.read_text("utf-8"), flags=re.S)
        for name, kind in {**_structs.INITIAL, **_structs.PLAIN}.items():
            found = re.search(rf"typedef struct vial_{name} \{{(.*?)\}}", text, re.S)
            assert found, name
            declared = re.findall(r"(\w+)(?:\[[^\]]*\])?;", found[1])
            self.assertEqual(declared, [field for field, *_ in kind._fields_], name)

    def test_numbers(self) -> None:
        names, here = [f"VIAL_{macro}" for macro in MACROS], [getattr(_constants, macro) for macro in MACROS]
        for enumeration, prefix in PREFIXES.items():
            for member in getattr(_constants, enumeration):
                names.append(f"VIAL_{prefix}_{member.name}")
                here.append(int(member))
        self.assertEqual(dict(zip(names, here)), dict(zip(names, compiled(names))))
        text = re.sub(r"/\*.*?\*/", "", HEADER.read_text("utf-8"), flags=re.S)
        declared = {name for body in re.findall(r"^enum \{(.*?)\};", text, re.S | re.M)
                    for name in re.findall(r"\b(VIAL_\w+)\s*=", body)}
        self.assertEqual({name for name in declared - set(names) if not name.startswith(UNUSED)}, set())

    def test_functions(self) -> None:
        text = re.sub(r"/\*.*?\*/", "", HEADER.read_text("utf-8"), flags=re.S)
        declared = re.findall(r"VIAL_API ([\w ]+?[ *]+)vial_(\w+)\(([^;]*)\);", text)
        counts = {name: 0 if arguments == "void" else arguments.count(",") + 1 for _, name, arguments in declared}
        # vial_text_from is for C's own strings.
        self.assertEqual(counts.keys() - _library.SIGNATURES.keys(), {"text_from"})
        self.assertEqual({name: len(one) - 1 for name, one in _library.SIGNATURES.items()},
                         {name: count for name, count in counts.items() if name != "text_from"})


if __name__ == "__main__":
    unittest.main()
