"""Owns: the adapters for langchain-core and llama-index-core against the real packages."""

from __future__ import annotations

import asyncio
import unittest
from typing import Any

import vial

QUESTION = "What are the symptoms of anemia?"
ANSWER = vial.Engine(vial.Model(vial.demo_path())).ask(QUESTION, seed=2, max_tokens=60)


class LangChain(unittest.TestCase):
    def setUp(self) -> None:
        from vial.langchain import ChatVial

        self.model = ChatVial(path=str(vial.demo_path()), options={"seed": 2, "max_tokens": 60})

    def test_invoke(self) -> None:
        said = self.model.invoke(QUESTION)
        self.assertEqual((said.content, said.additional_kwargs["reasoning_content"]), (ANSWER.text, ANSWER.reasoning))
        self.assertEqual(said.usage_metadata["output_tokens"], 60)
        self.assertEqual(said.response_metadata["finish_reason"], "length")
        self.assertEqual(self.model.invoke(QUESTION, max_tokens=3).usage_metadata["output_tokens"], 3)

    def test_stream(self) -> None:
        chunks = list(self.model.stream(QUESTION))
        self.assertEqual("".join(one.content for one in chunks), ANSWER.text)
        self.assertGreater(len(chunks), 20)

    def test_asyncio(self) -> None:
        from vial.langchain import ChatVial

        model = ChatVial(path=str(vial.demo_path()), options={"seed": 2, "max_tokens": 60})

        async def main() -> list[Any]:
            texts = [chunk.content async for chunk in model.astream(QUESTION)]
            return ["".join(texts), *(one.content for one in await model.abatch([QUESTION] * 3))]

        self.assertEqual(asyncio.run(main()), [ANSWER.text] * 4)

    def test_stop_and_refusals(self) -> None:
        from langchain_core.messages import HumanMessage

        self.assertEqual(self.model.invoke(QUESTION, stop=["symptoms"]).response_metadata["finish_reason"], "stop_string")
        with self.assertRaises(TypeError):
            self.model.invoke([HumanMessage([{"type": "image_url", "image_url": "x"}])])
        with self.assertRaises(vial.VialError):
            self.model.invoke(QUESTION, adapter="none")


class LlamaIndex(unittest.TestCase):
    def setUp(self) -> None:
        from llama_index.core.base.llms.types import ChatMessage
        from vial.llama_index import VialLLM

        self.model = VialLLM(str(vial.demo_path()), seed=2, max_tokens=60)
        self.messages = [ChatMessage(role="user", content=QUESTION)]

    def test_chat(self) -> None:
        self.assertEqual(self.model.chat(self.messages).message.content, ANSWER.text)
        pieces = list(self.model.stream_chat(self.messages))
        self.assertEqual("".join(one.delta for one in pieces), ANSWER.text)
        self.assertEqual(pieces[-1].message.content, ANSWER.text)

    def test_complete(self) -> None:
        text = self.model.complete("Asthma is a", temperature=0).text
        truth = vial.Engine(vial.Model(vial.demo_path())).ask(
            "Asthma is a", flags=vial.RequestFlag.RAW, seed=2, max_tokens=60, temperature=0).text
        self.assertEqual(text, truth)
        self.assertEqual(list(self.model.stream_complete("Asthma is a", temperature=0))[-1].text, truth)

    def test_metadata(self) -> None:
        self.assertEqual(self.model.metadata.context_window, 2048)


if __name__ == "__main__":
    unittest.main()
