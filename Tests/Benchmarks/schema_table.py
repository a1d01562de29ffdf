#!/usr/bin/env python3
"""Which public schemas answers can be held to, and what compiling them takes: libvial beside llguidance, in one run.

    python3 Tests/Benchmarks/schema_table.py libvial_c.so MODEL.vial SCHEMAS.jsonl[.xz] [--refused] [--keywords]

A line of SCHEMAS is an object with "schema" (text), and "suite" where there are several. Any model does; what is timed in
libvial is the call that submits a request, which compiles a schema that is new. llguidance (PyPI) is left out where it is not
installed. --refused lists refusals by their sentence, --keywords counts acceptance by keyword."""
import argparse
import collections
import ctypes as c
import json
import lzma
import statistics
import time

from vial_engine import Engine, RequestOptions


class Options(c.Structure):
    _fields_ = RequestOptions._fields_ + [
        ("template_id", c.c_char_p), ("template_id_length", c.c_uint64), ("values", c.c_void_p), ("value_count", c.c_uint64),
        ("schema", c.c_char_p), ("schema_length", c.c_uint64), ("choices", c.c_void_p), ("choice_count", c.c_uint64),
        ("max_reasoning_tokens", c.c_uint32), ("sample_index", c.c_uint32)]


class Failure(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("status", c.c_int32), ("rule", c.c_uint32), ("system_code", c.c_int32),
                ("byte_offset", c.c_uint64), ("sentence", c.c_char * 232)]


def read(path):
    with (lzma.open if path.endswith(".xz") else open)(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Vial:
    def __init__(self, library, model):
        self.engine = Engine(library, model, thread_count=1)
        self.ids = (c.c_uint32 * 1)(1)

    def compile(self, schema):
        """None, or why the schema is refused; seconds."""
        text = schema.encode()
        options = Options(struct_size=c.sizeof(Options), tokens=self.ids, token_count=1, max_tokens=1, schema=text,
                          schema_length=len(text))
        request, failure = c.c_void_p(), Failure(struct_size=c.sizeof(Failure))
        start = time.perf_counter()
        status = self.engine.library.vial_engine_submit(
            self.engine.engine, c.byref(options), c.byref(request), c.byref(failure))
        seconds = time.perf_counter() - start
        if status == 0:
            self.engine.close_request(request.value)
            return None, seconds
        return failure.sentence.decode(), seconds


class Peer:
    def __init__(self):
        import llguidance
        self.name = f"llguidance {getattr(llguidance, '__version__', '')}".strip()
        self.tokenizer = llguidance.LLTokenizer("byte")
        self.module = llguidance

    def compile(self, schema):
        start = time.perf_counter()
        try:
            grammar = self.module.LLMatcher.grammar_from_json_schema(schema)
            failure = self.module.LLMatcher(self.tokenizer, grammar).get_error() or None
        except ValueError as error:
            failure = str(error)
        return failure, time.perf_counter() - start


def keywords(schema):
    """Keywords that stand somewhere in a schema; names of properties count where they look like keywords."""
    found, open_values = set(), [json.loads(schema)]
    while open_values:
        value = open_values.pop()
        if isinstance(value, dict):
            found.update(value)
            open_values.extend(value.values())
        elif isinstance(value, list):
            open_values.extend(value)
    return found


NAMES = ("type enum const properties required additionalProperties patternProperties propertyNames minProperties maxProperties "
         "dependencies dependentRequired dependentSchemas items prefixItems additionalItems minItems maxItems uniqueItems "
         "contains pattern minLength maxLength format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf allOf anyOf "
         "oneOf not if $ref unevaluatedProperties").split()


def show(title, rows, engines):
    print(f"| {title} | schemas | " + " | ".join(engines) + " |\n|---|" + "---|" * (1 + len(engines)))
    for name, counts in rows:
        print(f"| {name} | {counts['all']} | " + " | ".join(f"{counts[e]} ({100 * counts[e] / counts['all']:.1f}%)" for e in engines) + " |")
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("model")
    parser.add_argument("schemas")
    parser.add_argument("--refused", action="store_true")
    parser.add_argument("--keywords", action="store_true")
    options = parser.parse_args()
    engines = {"Vial": Vial(options.library, options.model)}
    try:
        peer = Peer()
        engines[peer.name] = peer
    except ImportError:
        print("llguidance is not installed\n")
    for engine in engines.values():
        engine.compile('{"type": "null"}')  # what only the first schema pays
    suites, words = collections.defaultdict(collections.Counter), collections.defaultdict(collections.Counter)
    refused, times = collections.Counter(), collections.defaultdict(list)
    for row in read(options.schemas):
        groups = [suites[row.get("suite", "all")], suites["together"]]
        if options.keywords:
            groups += [words[name] for name in keywords(row["schema"]) if name in NAMES]
        for group in groups:
            group["all"] += 1
        for name, engine in engines.items():
            failure, seconds = engine.compile(row["schema"])
            times[name].append(seconds)
            if failure is None:
                for group in groups:
                    group[name] += 1
            elif name == "Vial":
                refused[failure] += 1
    if len(suites) == 2:
        del suites["together"]
    show("suite", sorted(suites.items(), key=lambda row: (row[0] == "together", row[0])), list(engines))
    if options.keywords:
        show("keyword", sorted(words.items(), key=lambda row: -row[1]["all"]), list(engines))
    for name, found in times.items():
        found.sort()
        print(f"{name}: compiling takes {1000 * statistics.median(found):.3f} ms (median), "
              f"{1000 * found[len(found) * 99 // 100]:.1f} ms (p99), {1000 * found[-1]:.0f} ms at most")
    if options.refused:
        print()
        for sentence, count in refused.most_common():
            print(f"{count:5} {sentence}")


if __name__ == "__main__":
    main()
