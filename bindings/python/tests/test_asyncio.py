"""Owns: requests that an event loop reads."""

from __future__ import annotations

import asyncio
import gc
import threading
import unittest
from typing import Any

import vial

from test_misuse import DEMO, LONG

SHORT: dict[str, Any] = {"max_tokens": 10, "temperature": 0.8, "max_reasoning_tokens": vial.REASONING_NONE}


class Streams(unittest.TestCase):
    def setUp(self) -> None:
        self.model = vial.Model(DEMO)
        self.engine = vial.Engine(self.model)
        self.addCleanup(self.model.close)
        self.addCleanup(self.engine.close)

    def test_many_at_once_answer_what_each_answers_alone(self) -> None:
        truth = [answer.tokens for answer in self.engine.batch(
            [{"text": "What is gout?", "seed": seed, **SHORT} for seed in range(200)])]  # type: ignore[union-attr]

        async def main() -> list[vial.Answer]:
            return await asyncio.gather(
                *(self.engine.answer("What is gout?", seed=seed, **SHORT) for seed in range(200)))

        for _ in range(2):  # Two loops, one after the other.
            answers = asyncio.run(main())
            self.assertEqual([answer.tokens for answer in answers], truth)
        self.assertEqual(len(self.engine._streams), 0)
        self.assertIsNone(self.engine._loop)

    def test_events_come_as_they_are_computed(self) -> None:
        async def main() -> None:
            ticks = 0

            async def tick() -> None:
                nonlocal ticks
                while True:
                    ticks += 1
                    await asyncio.sleep(0)

            ticker = asyncio.create_task(tick())
            async with self.engine.stream(**LONG) as stream:
                async for event in stream:
                    self.assertEqual(event.kind, vial.EventKind.TOKEN)
                    break
                self.assertNotEqual(stream.info.state, vial.RequestState.FINISHED)
            self.assertGreater(ticks, 0)
            ticker.cancel()
            self.assertEqual(len(self.engine._streams), 0)

        asyncio.run(main())

    def test_a_cancelled_task_ends_its_request(self) -> None:
        async def main() -> None:
            task = asyncio.create_task(self.engine.answer(**LONG))
            while not self.engine.metrics["running_count"]:
                await asyncio.sleep(0.01)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(self.engine.answer(**LONG), 0.05)
            for _ in range(500):
                if not self.engine.metrics["running_count"]:
                    break
                await asyncio.sleep(0.01)
            self.assertEqual(self.engine.metrics["running_count"], 0)

        asyncio.run(main())

    def test_closing_ends_streams(self) -> None:
        async def main() -> None:
            stream, dropped = self.engine.stream(**LONG), self.engine.stream(**LONG)
            reader = asyncio.create_task(stream.read())
            await asyncio.sleep(0.05)
            del dropped
            gc.collect()
            other = asyncio.create_task(self.engine.stream(**LONG).read())
            await asyncio.sleep(0.05)
            stream.close()
            with self.assertRaises(vial.HandleError):
                await reader
            self.engine.close()
            self.assertEqual((await other).finish_reason, vial.FinishReason.CANCELLED)
            with self.assertRaises(vial.HandleError):
                self.engine.stream("a")

        asyncio.run(main())

    def test_threads_and_loops_do_not_share(self) -> None:
        async def main() -> None:
            async with self.engine.stream(**LONG) as stream:
                with self.assertRaisesRegex(RuntimeError, "second engine"):
                    self.engine.submit("a")
                for wrong in (stream.answer, stream.next_event, lambda: list(stream)):
                    with self.assertRaises(TypeError):
                        wrong()
                raised: list[BaseException] = []

                def elsewhere() -> None:
                    async def other() -> None:
                        self.engine.stream("a")

                    try:
                        asyncio.run(other())
                    except RuntimeError as error:
                        raised.append(error)

                thread = threading.Thread(target=elsewhere)
                thread.start()
                thread.join()
                self.assertIn("another event loop", str(raised[0]))
            with self.engine.submit(**LONG) as request:
                with self.assertRaisesRegex(RuntimeError, "second engine"):
                    self.engine.stream("a")
                with self.assertRaises(TypeError):
                    request.__aiter__()
            self.assertTrue((await self.engine.answer("a", max_tokens=2)).tokens)

        asyncio.run(main())
        with self.assertRaises(RuntimeError):
            self.engine.stream("a")


if __name__ == "__main__":
    unittest.main()
