"""The Python of the package's README and of its guide runs, block by block, with what the text says is there."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import re
import shutil
import tempfile
import unittest
from pathlib import Path
from typing import Any, Literal

import pydantic
import vial

ROOT = Path(__file__).resolve().parents[3]
PAGES = ("bindings/python/README.md", "Sources/Vial/Vial.docc/Guides/EmbedInPython.md")


def blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.M | re.S)


class DocumentTests(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        shutil.copy(vial.demo_path(), Path(folder.name) / "model.vial")
        os.chdir(folder.name)

    def run_block(self, block: str) -> dict[str, Any]:
        """Runs a block in the company of an engine and questions; what it prints is not empty."""
        with vial.Model("model.vial") as model, vial.Engine(model) as engine:
            names: dict[str, Any] = {
                "vial": vial, "asyncio": asyncio, "pydantic": pydantic, "Literal": Literal, "model": model,
                "engine": engine, "question": "What is gout?", "questions": ["What is gout?", "What is asthma?"]}
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(compile(block, "a block of a page", "exec", dont_inherit=True), names)
                if "async def ask" in block:
                    asyncio.run(names["ask"](engine, "What is gout?"))
                    answers = asyncio.run(names["many"](engine, ["What is gout?", "What is asthma?"]))
                    self.assertEqual(len(answers), 2)
            if "print(" in block:
                self.assertTrue(said.getvalue().strip())
        return names

    def test_blocks_run(self) -> None:
        count = 0
        for page in PAGES:
            for block in blocks(page):
                with self.subTest(page=page, block=block.split("\n")[0]):
                    count += 1
                    names = self.run_block(block)
                    if "finding" in names:
                        self.assertIsInstance(names["finding"], names["Finding"])
        self.assertGreaterEqual(count, 6)


if __name__ == "__main__":
    unittest.main()
