"""Owns: that nothing grows: models, engines and requests are opened and closed again and again.

VIAL_CYCLES is how often (10,000 for a whole run); 2,000 by default, which takes seconds.
"""

from __future__ import annotations

import asyncio
import gc
import os
import unittest
from pathlib import Path
from typing import Any, Callable

import vial

from test_misuse import SMALL

CYCLES = int(os.environ.get("VIAL_CYCLES", "2000"))
# Of anonymous memory over all cycles: less than a byte of growth for each of 400 bits of a cycle.
MOST_BYTES = 512 * 1024


def anonymous_bytes() -> int:
    """What this process has of its own."""
    gc.collect()
    text = Path("/proc/self/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0]) * 1024


class Memory(unittest.TestCase):
    def check(self, cycle: Callable[[], Any], cycles: int = CYCLES) -> None:
        """Runs a cycle until memory has settled, then as often again as counts."""
        for _ in range(max(100, cycles // 5)):
            cycle()
        before, descriptors = anonymous_bytes(), len(os.listdir("/proc/self/fd"))
        for _ in range(cycles):
            cycle()
        self.assertLess(anonymous_bytes() - before, MOST_BYTES)
        self.assertEqual(len(os.listdir("/proc/self/fd")), descriptors)

    def test_models(self) -> None:
        def cycle() -> None:
            with vial.Model(SMALL) as model:
                model.info, model.encode("a b"), model.score([1, 2, 3])

        self.check(cycle)

    def test_dropped_models(self) -> None:
        self.check(lambda: vial.Model(SMALL))

    def test_engines(self) -> None:
        with vial.Model(SMALL) as model:
            def cycle() -> None:
                with vial.Engine(model, thread_count=1) as engine:
                    engine.ask(tokens=[1, 2], max_tokens=2)

            self.check(cycle, CYCLES // 10)

    def test_requests(self) -> None:
        with vial.Model(SMALL) as model, vial.Engine(model, thread_count=1) as engine:
            self.check(lambda: engine.ask(tokens=[1, 2, 3], max_tokens=3, alternative_count=3))

    def test_dropped_requests(self) -> None:
        with vial.Model(SMALL) as model, vial.Engine(model, thread_count=1) as engine:
            self.check(lambda: engine.submit(tokens=[1, 2, 3], max_tokens=3).next_event())

    def test_refusals(self) -> None:
        with vial.Model(SMALL) as model, vial.Engine(model, thread_count=1) as engine:
            def cycle() -> None:
                for options in ({"tokens": [99]}, {"tokens": [1], "schema": "{"}, {"text": "a"}):
                    with self.assertRaises(vial.VialError):
                        engine.submit(**options)

            self.check(cycle)

    def test_streams(self) -> None:
        with vial.Model(SMALL) as model, vial.Engine(model, thread_count=1) as engine:
            async def main() -> None:
                for _ in range(10):
                    await engine.answer(tokens=[1, 2, 3], max_tokens=3)
                    engine.stream(tokens=[1, 2], max_tokens=3)

            self.check(lambda: asyncio.run(main()), CYCLES // 10)


if __name__ == "__main__":
    unittest.main()
