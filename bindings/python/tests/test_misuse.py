"""Owns: misuse that ends as an exception with a status or a clean end, never as a crash.

What could end the interpreter runs in one of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from typing import Any

import numpy

import vial

ROOT = Path(__file__).resolve().parents[3]
SMALL = ROOT / "Tests" / "VectorTests" / "vectors" / "valid" / "plain.vial"
DEMO = vial.demo_path()
# Runs until it is cancelled, as far as a test goes.
LONG: dict[str, Any] = {"tokens": [1, 2, 3, 4], "temperature": 0, "flags": 0, "max_tokens": 2000,
                        "sampling": {"flags": 1}}


def run(program: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A Python program of its own, with DEMO and SMALL and LONG defined."""
    head = f"import os, sys, threading, time, vial\nDEMO = {str(DEMO)!r}\nSMALL = {str(SMALL)!r}\nLONG = {LONG!r}\n"
    return subprocess.run([sys.executable, "-c", head + program], capture_output=True, text=True, timeout=60,
                          env={**os.environ, **environment})


class Arguments(unittest.TestCase):
    """Wrong types and encodings."""

    def setUp(self) -> None:
        self.model = vial.Model(DEMO)
        self.engine = vial.Engine(self.model)
        self.addCleanup(self.model.close)
        self.addCleanup(self.engine.close)

    def test_types(self) -> None:
        wrong: list[dict[str, Any]] = [
            {"text": 5}, {"tokens": "abc"}, {"tokens": [1.5]}, {"tokens": ["a"]}, {"tokens": 7}, {"messages": ["a"]},
            {"messages": 3}, {"text": "a", "seed": "1"}, {"text": "a", "max_tokens": 1.5}, {"text": "a", "stops": "abc"},
            {"text": "a", "choices": b"abc"}, {"text": "a", "stops": [1]}, {"text": "a", "schema": 5},
            {"text": "a", "temperature": "hot"}, {"text": "a", "banned_tokens": "abc"}, {"text": "a", "nonsense": 1},
            {"text": "a", "sampling": {"heat": 1}}, {"text": "a", "tenant": 5}, {"text": "a", "adapter": 5},
            {"text": "a", "priority": None}, {"text": "a", "flags": None}, {"text": "a", "tools": {1, 2}}]
        for options in wrong:
            with self.subTest(options), self.assertRaises(TypeError):
                self.engine.submit(**options)

    def test_numbers_that_do_not_fit_are_not_cut(self) -> None:
        wrong: list[dict[str, Any]] = [
            {"seed": 2**64}, {"seed": -1}, {"max_tokens": 2**32}, {"max_tokens": -1}, {"sample_index": 2**32},
            {"priority": 2**31}, {"flags": 2**32}, {"top_k": -1}, {"biases": {-1: 1.0}}, {"banned_tokens": [2**32]},
            {"deadline": -1}, {"deadline": float("nan")}]
        for options in wrong:
            with self.subTest(options), self.assertRaises(ValueError):
                self.engine.submit("a", **options)
        for tokens in ([-1], [2**32], numpy.array([-1])):
            with self.assertRaises(ValueError):
                self.model.decode(tokens)
        with self.assertRaises(ValueError):
            self.model.token_bytes(2**32 + 5)
        with self.assertRaises(ValueError):
            vial.Engine(self.model, thread_count=2**32 + 1)

    def test_encodings(self) -> None:
        for text in ("\ud800", "a\udcff", b"\xff"):
            with self.assertRaises(vial.VialError) as raised:
                self.engine.submit(text)
            self.assertEqual(raised.exception.status, vial.Status.INVALID_UTF8)
        with self.assertRaises(vial.VialError) as raised:
            self.model.encode("ab\udcff")
        self.assertEqual((raised.exception.status, raised.exception.byte_offset), (vial.Status.INVALID_UTF8, 2))
        with self.assertRaises(ValueError):
            vial.Model("a\0b")
        with self.assertRaises(ValueError):
            vial.Model(DEMO, trusted_keys=[b"short"])

    def test_ids_of_every_kind(self) -> None:
        import array

        truth = self.model.decode([300, 301, 302])
        kinds: list[Any] = [
            (300, 301, 302), array.array("I", [300, 301, 302]), numpy.array([300, 301, 302], numpy.uint32),
            numpy.array([300, 301, 302]), numpy.arange(300, 306, dtype=numpy.uint32)[::1][:3], range(300, 303),
            numpy.array([300, 0, 301, 0, 302, 0], numpy.uint32)[::2]]
        frozen = numpy.array([300, 301, 302], numpy.uint32)
        frozen.setflags(write=False)
        for ids in kinds + [frozen]:
            self.assertEqual(self.model.decode(ids), truth, repr(ids))

    def test_no_text_of_a_prompt_is_told(self) -> None:
        secret = "Jane Doe has gout"
        for options in ({"text": secret, "adapter": "x"}, {"text": secret + "\ud800"},
                        {"template": "triage", "values": {"complaint": secret, secret: "a"}}):
            with self.assertRaises(vial.VialError) as raised:
                self.engine.submit(**options)
            self.assertNotIn("Jane", repr(raised.exception) + str(raised.exception))
            self.assertIsNone(raised.exception.__cause__)
        options = vial.RequestOptions(text=secret, values={"a": secret}, messages=[vial.Message("user", secret)])
        answer = self.engine.ask(secret, max_tokens=4, prefill="Jane")
        for shown in (options, options.messages, answer, self.engine.submit(secret, max_tokens=1).next_event()):
            self.assertNotIn("Jane", repr(shown))

    def test_a_schema_that_is_refused_is_named(self) -> None:
        with self.assertRaises(vial.SchemaError) as raised:
            self.engine.submit("a", schema={"type": "object", "properties": {"age": {"type": "agee"}}})
        self.assertIn("a type that JSON does not have; in the schema", str(raised.exception))
        with self.assertRaises(vial.SchemaError) as raised:
            self.engine.submit("a", schema='{"type": "object",,}')
        self.assertIn("in the schema at byte 18", str(raised.exception))


class Handles(unittest.TestCase):
    """Closed objects, threads and signals."""

    def test_use_after_close(self) -> None:
        model = vial.Model(DEMO)
        engine = vial.Engine(model)
        request = engine.submit("a", max_tokens=2)
        request.close()
        request.close()
        uses: list[Any] = [request.next_event, request.answer, request.text, request.tokens, lambda: request.info,
                           request.cancel, lambda: list(request)]
        model.close()
        model.close()
        uses += [lambda: model.info, lambda: model.encode("a"), lambda: model.score([1, 2]), model.verify,
                 lambda: model.adapters, lambda: model.templates, model.sampling, lambda: vial.Engine(model)]
        self.assertTrue(engine.submit("a", max_tokens=2).answer().tokens)
        engine.close()
        engine.close()
        uses += [lambda: engine.submit("a"), lambda: engine.info, lambda: engine.metrics,
                 lambda: engine.metrics_text, lambda: engine.set_weight("a", 1), lambda: engine.clear_tenant("a")]
        for number, use in enumerate(uses):
            with self.subTest(number), self.assertRaises(vial.HandleError) as raised:
                use()
            self.assertEqual(raised.exception.status, vial.Status.INVALID_HANDLE)

    def test_closed_while_others_read(self) -> None:
        with vial.Model(DEMO) as model, vial.Engine(model) as engine:
            for _ in range(60):
                request = engine.submit(**LONG)
                ends: list[Any] = []

                def read(request: vial.Request = request, ends: list[Any] = ends) -> None:
                    try:
                        ends.append([event.finish_reason for event in request])
                    except vial.HandleError as error:
                        ends.append(error.status)

                readers = [threading.Thread(target=read) for _ in range(3)]
                for reader in readers:
                    reader.start()
                request.next_event()
                request.close()
                for reader in readers:
                    reader.join(30)
                self.assertEqual(len(ends), 3)
                with self.assertRaises(vial.HandleError):
                    request.info

    def test_memory_that_somebody_reads_stays(self) -> None:
        with vial.Model(DEMO) as model, vial.Engine(model) as engine:
            request = engine.submit(**LONG)
            request.next_event()
            with request._guard.lock:  # As a thread has it between an event and its text.
                request.close()
                while request.info.state != vial.RequestState.FINISHED:
                    pass
                self.assertEqual(request.info.finish_reason, vial.FinishReason.CANCELLED)
            self.assertIn(request.next_event().kind, (vial.EventKind.TOKEN, vial.EventKind.FINISHED))
            with self.assertRaises(vial.HandleError):
                request.next_event()

    def test_many_threads_share_an_engine(self) -> None:
        with vial.Model(DEMO) as model, vial.Engine(model) as engine:
            truth = [engine.ask("What is gout?", seed=seed, max_tokens=12).tokens for seed in range(8)]
            found: dict[int, list[int]] = {}

            def ask(seed: int) -> None:
                found[seed] = engine.ask("What is gout?", seed=seed, max_tokens=12).tokens

            threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            self.assertEqual([found[seed] for seed in range(8)], truth)

    def test_the_interpreter_runs_while_a_request_waits(self) -> None:
        with vial.Model(DEMO) as model, vial.Engine(model) as engine, engine.submit(**LONG) as request:
            counts = [0]
            reader = threading.Thread(target=lambda: list(request))
            reader.start()
            while reader.is_alive() and counts[0] < 1000:
                counts[0] += 1
            self.assertEqual(counts[0], 1000)
            request.cancel()
            reader.join(30)

    def test_a_signal_interrupts_waiting_and_scoring(self) -> None:
        ended = run("""
import signal
model = vial.Model(DEMO)
engine = vial.Engine(model)
def interrupt():
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGINT)
narrow = vial.Engine(model, running_limit=1)
head = narrow.submit(**LONG)
waiting = narrow.submit(**LONG)
for work in (waiting.next_event, lambda: model.score(list(range(2000)) * 40)):
    threading.Thread(target=interrupt).start()
    try:
        work()
        print("not interrupted")
    except KeyboardInterrupt:
        print("interrupted", len(head.tokens()) < 2000)
""")
        self.assertEqual((ended.stdout, ended.returncode), ("interrupted True\ninterrupted True\n", 0), ended.stderr)

    def test_a_callback_that_raises(self) -> None:
        with vial.Model(DEMO) as model:
            def fail(done: int, total: int) -> None:
                raise KeyError("mine")

            for call in (lambda: model.verify(progress=fail), lambda: model.score([1] * 64, progress=fail)):
                with self.assertRaises(KeyError):
                    call()
            seen: list[tuple[int, int]] = []
            model.verify(progress=lambda done, total: seen.append((done, total)))
            self.assertTrue(seen and seen[-1][0] == seen[-1][1])


class Processes(unittest.TestCase):
    """Fork, multiprocessing and the interpreter's end."""

    def test_fork(self) -> None:
        ended = run("""
import gc
model = vial.Model(DEMO)
engine = vial.Engine(model)
request = engine.submit(**LONG)
request.next_event()  # Swift's runtime sets up types at first use, and a fork then stops it in the child.
child = os.fork()
if child == 0:
    for use in (lambda: model.info, lambda: engine.submit("a"), request.next_event, lambda: vial.Engine(model)):
        try:
            use()
            os._exit(1)
        except vial.HandleError as error:
            if error.status != vial.Status.FORKED:
                os._exit(2)
    request.close(); engine.close(); model.close()
    del request, engine, model
    gc.collect()
    with vial.Model(DEMO) as own, vial.Engine(own) as mine:
        assert mine.ask("What is gout?", max_tokens=4).tokens
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), request.next_event().kind)
""")
        self.assertEqual((ended.stdout, ended.returncode), ("7 1\n", 0), ended.stderr)

    def test_multiprocessing(self) -> None:
        ended = run("""
import multiprocessing
def ask(seed):
    with vial.Model(DEMO) as model, vial.Engine(model) as engine:
        return engine.ask("What is gout?", seed=seed, max_tokens=4).tokens
model = vial.Model(DEMO)
engine = vial.Engine(model)
request = engine.submit(**LONG)
request.next_event()
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(ask, [1, 1, 1])  == [ask(1)] * 3)
""")
        self.assertEqual((ended.stdout, ended.returncode), ("True\n", 0), ended.stderr)

    def test_the_end_with_requests_in_flight(self) -> None:
        head = "model = vial.Model(DEMO)\nengine = vial.Engine(model)\nrequests = [engine.submit(**LONG) for _ in range(4)]\n"
        thread = "threading.Thread(target=lambda: [list(one) for one in requests], daemon=True).start()\ntime.sleep(0.2)\n"
        scores = ("threading.Thread(target=lambda: model.score([1] * 100000), daemon=True).start()\n"
                  "threading.Thread(target=model.verify, daemon=True).start()\ntime.sleep(0.1)\n")
        again = ("def scoring():\n    try:\n        while True:\n            model.score([1] * 3000)\n    except vial.VialError:\n"
                 "        pass\nthreading.Thread(target=scoring, daemon=True).start()\ntime.sleep(0.2)\n")
        stream = ("import asyncio\nasync def main():\n    global keep\n    keep = [other.stream(**LONG) for _ in range(3)]\n"
                  "    await keep[0].__aiter__().__anext__()\nother = vial.Engine(model)\nasyncio.run(main())\n")
        for name, rest in {"nothing": "", "after events": "requests[0].next_event()\n", "threads": thread,
                           "cycles": "requests.append(requests)\ndel requests\n", "asyncio": stream,
                           "scores": scores, "more scores": again,
                           "exit": thread + "sys.exit(0)\n"}.items():
            for _ in range(3):
                with self.subTest(name):
                    started = time.monotonic()
                    ended = run(head + rest)
                    self.assertEqual((ended.returncode, ended.stderr), (0, ""), name)
                    self.assertLess(time.monotonic() - started, 30)

    def test_an_exception_with_requests_in_flight(self) -> None:
        ended = run("engine = vial.Engine(vial.Model(DEMO))\nrequest = engine.submit(**LONG)\nraise SystemExit(5)\n")
        self.assertEqual((ended.returncode, ended.stderr), (5, ""))


class Loading(unittest.TestCase):
    """A wrong or missing library, one of another ABI."""

    def refusal(self, path: str) -> str:
        ended = run("", VIAL_LIBRARY=path)
        self.assertEqual(ended.returncode, 1)
        self.assertIn("LibraryError", ended.stderr)
        return ended.stderr

    def test_missing(self) -> None:
        self.assertIn("make libvial", self.refusal("/nowhere/libvial.so.0"))
        self.assertIn("make libvial", self.refusal(str(ROOT / "LICENSE")))

    def test_something_else(self) -> None:
        self.assertIn("is not libvial", self.refusal("libm.so.6"))

    def test_another_abi(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            other = Path(folder) / "libvial.so.0"
            for source, told in (("unsigned vial_abi_version(void) { return 9; }", "ABI 9"),
                                 ("unsigned vial_abi_version(void) { return 1; }", "older than this package")):
                subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(other)], input=source.encode(),
                               check=True)
                self.assertIn(told, self.refusal(str(other)))


class Command(unittest.TestCase):
    """python -m vial."""

    def test_answers_and_refuses(self) -> None:
        command = [sys.executable, "-m", "vial", "What are the symptoms of asthma?", "--max-tokens", "40"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual(ended.returncode, 0)
        self.assertIn("asthma", ended.stderr)
        for wrong in ("/nowhere.vial", str(ROOT / "LICENSE")):
            ended = subprocess.run([*command, "--model", wrong], capture_output=True, text=True, timeout=60)
            self.assertEqual(ended.returncode, 1)
            self.assertIn("error: ", ended.stderr)
            self.assertNotIn("Traceback", ended.stderr)
        self.assertEqual(subprocess.run(command[:3], capture_output=True, timeout=60).returncode, 2)


if __name__ == "__main__":
    signal.alarm(300)
    unittest.main()
