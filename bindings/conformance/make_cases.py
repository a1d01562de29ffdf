#!/usr/bin/env python3
"""Writes cases.json: every case of case_list.py with what libvial answers. --check compares instead.

Usage: VIAL_LIBRARY=.build-libvial/lib/libvial.so.0 make_cases.py [--check]
"""

import ctypes as c
import json
import os
import pathlib
import sys

import case_list
import raw
import table
from raw import Call, Refused, lib, s

PAGE = pathlib.Path(__file__).with_name("cases.json")
OK = {"expect_status": "VIAL_STATUS_OK"}
stopping = raw.PROGRESS(lambda context, done, total: 1)


def info_of(model):
    info = raw.initial("model_info")
    Call().check(lib.vial_model_get_info(model, c.byref(info)))
    return info


def do_open(case):
    with raw.opened(case) as model:
        info, call, names, templates = info_of(model), Call(), [], []
        texts = [call.filled(c.c_char, lib.vial_model_copy_text, model, which).decode() for which in (1, 2, 4, 5)]
        for index in range(info.adapter_count):
            name = call.filled(c.c_char, lib.vial_model_copy_adapter_name, model, index, with_error=False)
            names.append(name.decode())
        while True:
            try:
                name = call.filled(c.c_char, lib.vial_model_copy_template_text, model, len(templates), 1)
            except Refused:
                break
            templates.append(name.decode())
        fields = dict(zip(("architecture", "model_name", "model_digest", "file_digest"), texts))
        for field in ("parameter_count", "layer_count", "vocabulary_size", "token_count", "context_length"):
            fields[field] = getattr(info, field)
        fields.update(adapters=names, templates=templates)
        return {**OK, **{"expect_" + name: value for name, value in fields.items()}}


def do_verify(case):
    with raw.opened(case) as model:
        call, options = Call(), raw.initial("verify_options")
        if case.get("progress_stops"):
            options.progress = c.cast(stopping, c.c_void_p)
        call.check(lib.vial_model_verify(model, c.byref(options), c.byref(call.error)))
        return OK


def do_engine(case):
    with raw.computing(case):
        return OK


def do_encode(case):
    with raw.opened(case) as model:
        call = Call()
        text = call.text(raw.prompt_text(case))
        return {**OK, "expect_tokens": call.filled(c.c_uint32, lib.vial_model_encode, model, text, case.get("flags", 0))}


def do_decode(case):
    with raw.opened(case) as model:
        call, ids = Call(), case["tokens"]
        text = call.filled(c.c_char, lib.vial_model_decode, model, call.array(c.c_uint32, ids), len(ids),
                           case.get("flags", 0))
        return {**OK, "expect_text": text.decode()}


def do_token_bytes(case):
    with raw.opened(case) as model:
        return {**OK, "expect_hex": Call().filled(c.c_char, lib.vial_model_copy_token_bytes, model, case["token"]).hex()}


def do_chat(case):
    with raw.opened(case) as model:
        call = Call()
        messages = [s.Message(call.text(role), call.text(content), 0, 0)
                    for role, content in zip(case["roles"], case["contents"])]
        return {**OK, "expect_tokens": call.filled(
            c.c_uint32, lib.vial_model_render_chat_template, model, call.array(s.Message, messages), len(messages), 0)}


def do_template(case):
    with raw.opened(case) as model:
        call = Call()
        values = [s.TemplateValue(call.text(name), call.text(text))
                  for name, text in zip(case.get("value_names", []), case.get("value_texts", []))]
        return {**OK, "expect_tokens": call.filled(
            c.c_uint32, lib.vial_model_render_prompt_template, model, call.text(case["template_id"]),
            call.array(s.TemplateValue, values), len(values))}


def do_score(case):
    with raw.opened(case) as model:
        call, options, ids = Call(), raw.initial("score_options"), case["tokens"]
        if "adapter" in case:
            options.adapter, options.adapter_scale = call.text(case["adapter"]), case.get("adapter_scale", 0)
        if case.get("progress_stops"):
            options.progress = c.cast(stopping, c.c_void_p)
        out = (c.c_float * max(1, len(ids)))()
        call.check(lib.vial_model_score(model, call.array(c.c_uint32, ids), len(ids), c.byref(options), out,
                                        c.byref(call.error)))
        return {**OK, "expect_log_probabilities": [raw.number(value) for value in out[:len(ids)]]}


def do_submit(case):
    with raw.computing(case) as (model, engine):
        return raw.finished(case, raw.submitted(case, model, engine))


def do_together(case):
    cases = [one for one in case_list.all_cases() if one["name"] in case["cases"]]
    cases.sort(key=lambda one: case["cases"].index(one["name"]))
    with raw.computing(cases[0]) as (model, engine):
        requests = [raw.submitted(one, model, engine) for one in cases]
        for one, request in zip(cases, requests):
            assert raw.finished(one, request) == do_submit(one), one["name"]
    return {}


do_cancel = do_submit


def do_close_engine(case):
    with raw.computing(case) as (model, engine):
        request = raw.submitted(case, model, engine)
        Call().check(lib.vial_engine_close(engine))
        return raw.finished(case, request)


def do_no_event_yet(case):
    with raw.computing(case) as (model, engine):
        request, event = raw.submitted(case, model, engine), raw.initial("event")
        while not (status := lib.vial_request_next_event(request, 0, c.byref(event))):
            assert event.kind == 1
        lib.vial_request_close(request)
        return {"expect_status": raw.name_of(status)}


def do_after_last(case):
    with raw.computing(case) as (model, engine):
        request, event = raw.submitted(case, model, engine), raw.initial("event")
        while event.kind != 2:
            Call().check(lib.vial_request_next_event(request, raw.FOREVER, c.byref(event)))
        status = lib.vial_request_next_event(request, 0, c.byref(event))
        lib.vial_request_close(request)
        return {"expect_status": raw.name_of(status)}


def do_busy(case):
    with raw.computing(case) as (model, engine):
        requests = []
        try:
            for _ in range(8):
                requests.append(raw.submitted(case, model, engine))
            return OK
        except Refused as refused:
            return refused.fields
        finally:
            for request in requests:
                lib.vial_request_close(request)


def do_closed_model(case):
    with raw.opened(case) as model:
        lib.vial_model_close(model)
        info_of(model)


def do_closed_engine(case):
    with raw.computing(case) as (model, engine):
        Call().check(lib.vial_engine_close(engine))
        raw.submitted({"tokens": [1]}, model, engine)


def do_closed_request(case):
    with raw.computing(case) as (model, engine):
        request = raw.submitted(case, model, engine)
        lib.vial_request_close(request)
        raise Refused(lib.vial_request_next_event(request, 0, c.byref(raw.initial("event"))))


def do_forked(case):
    with raw.opened(case) as model:
        child = os.fork()
        if child == 0:
            os._exit(lib.vial_model_get_info(model, c.byref(raw.initial("model_info"))))
        raise Refused(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def do_in_callback(case):
    with raw.computing(case) as (model, engine):
        statuses = []
        callback = raw.CALLBACK(lambda context, event: statuses.append(lib.vial_engine_close(engine)))
        request = raw.submitted(case, model, engine, callback)
        Call().check(lib.vial_engine_close(engine))
        lib.vial_request_close(request)
        raise Refused(statuses[0])


def answered(case):
    """The case with what libvial answers."""
    try:
        fields = globals()["do_" + case["kind"]](case)
    except Refused as refused:
        fields = refused.fields
    return {**case, **fields}


def main():
    cases = [answered(case) for case in case_list.all_cases()]
    assert len({case["name"] for case in cases}) == len(cases)
    head = {"cases_version": 1, "abi": lib.vial_abi_version(), "arithmetic": lib.vial_arithmetic_version()}
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, allow_nan=False) for case in cases)
    page = json.dumps(head)[:-1] + ', "cases": [\n' + lines + "\n]}\n"
    if sys.argv[1:] == ["--check"]:
        known = {case["name"]: case for case in json.loads(PAGE.read_text("utf-8"))["cases"]}
        wrong = [case["name"] for case in cases if known.get(case["name"]) != case]
        wrong += sorted(known.keys() - {case["name"] for case in cases})
        wrong = [f"cases.json is not what libvial answers: {name}" for name in wrong]
        wrong += filter(None, [table.problem("C", len(cases))])
        sys.exit("\n".join(wrong) or 0)
    PAGE.write_text(page, "utf-8")
    print(f"{len(cases)} cases, {len(page)} characters", file=sys.stderr)


if __name__ == "__main__":
    main()
