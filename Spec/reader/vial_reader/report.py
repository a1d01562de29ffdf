"""What a file holds, as JSON: the form that the truth of the vectors has, too.

Owns: opening in the Spec's order, and the names of the keys. Must not: check anything itself."""
import hashlib

from . import container as c
from .adapters import check_base, describe_adapter, read_adapter
from .configuration import check_configuration
from .fields import Refusal, require
from .keyvalues import TEXT as TEXT_VALUE, read_key_values
from .model import check_adapter, check_model
from .signatures import read_signature
from .tensors import read_tensor_table
from .tokenizer import token_bytes
from .values import decode
from .verify import (read_key_values_of, read_program_of, read_prompt_of, read_text_of, read_tokenizer_of,
                     section_digest, verify)


class OpenFile:
    """A file that is open: steps 1 to 7. Without `needs_model`, a file that has none of kinds 1 to 4 opens, too."""

    def __init__(self, data, needs_model=False):
        self.container = c.open_container(data)
        self.configuration, self.tensors = {}, []
        have = {section.kind for section in self.container.sections}
        model_kinds = {c.CONFIGURATION, c.TENSORS, c.WEIGHTS, c.TOKENIZER}
        self.has_model = needs_model or bool(have & model_kinds)
        if self.has_model:
            require(model_kinds <= have, 216, self.container.root.table_offset, "a section that a model needs is missing")
            self._open_model()

    def _open_model(self):
        holder, data = self._checked(c.CONFIGURATION)
        self.configuration = check_configuration(
            read_key_values(data, holder.offset), holder.offset, self.container.features[0])
        holder, data = self._checked(c.TENSORS)
        self.tensors = read_tensor_table(self.container, data, holder.offset)

    def _checked(self, kind):
        """The section and a copy of its bytes, which match their digest (R-220)."""
        section = self.container.of_kind(kind)[0]
        data = bytes(self.container.bytes_of(section))
        require(section_digest(data)[0] == section.digest, 220, section.offset, "a section does not match its digest")
        return section, data

    def tokenizer(self):
        require(self.has_model, 216, self.container.root.table_offset, "the file has no model")
        return read_tokenizer_of(self.container, self.container.of_kind(c.TOKENIZER)[0], self.configuration)

    def chat_templates(self):
        return [(s.id, read_program_of(self.container, s)) for s in self.container.of_kind(c.CHAT)]

    def name(self):
        """What people call the model: the provenance's name, else the configuration's."""
        for section in self.container.of_kind(c.PROVENANCE):
            entry = read_key_values_of(self.container, section).get("model.name")
            if entry is not None and entry.type == TEXT_VALUE:
                return entry.value
        return self.configuration["model.name"]

    def check_runs(self):
        """What a program that computes needs: tokenizer, chat templates, R-701 to R-706 (adapters are all used)."""
        require(self.has_model, 216, self.container.root.table_offset, "the file has no model")
        self.tokenizer()
        self.chat_templates()
        configuration, tensors = (self.container.of_kind(kind)[0].offset for kind in (c.CONFIGURATION, c.TENSORS))
        check_model(self.configuration, configuration, self.tensors, tensors)
        for section in self.container.of_kind(c.ADAPTER):
            adapter = read_adapter(bytes(self.container.bytes_of(section)), section.offset, section.id)
            check_base(adapter, section.offset, self.container.model_digest, self.tensors)
            check_adapter(self.configuration, adapter, section.offset)

    def tensor_values(self, tensor):
        section = next(s for s in self.container.of_kind(c.WEIGHTS) if s.id == tensor.section)
        start = section.offset + tensor.offset
        return decode(tensor, self.container.data[start:start + tensor.length])


def describe(data):
    """Everything about a file. Refusals become values: nothing is raised."""
    try:
        file = OpenFile(data)
    except Refusal as refusal:
        return {"opens": False, "refused": refusal.as_json()}
    answer = {"opens": True, **_container(file.container)}
    if file.has_model:
        answer["configuration"] = {k: _json_value(v) for k, v in file.configuration.items()}
        answer["tensors"] = [_tensor(file, tensor) for tensor in file.tensors]
        answer["name"] = _guarded(file.name)
    answer["texts"] = [_guarded(lambda: _text(file, s)) for s in file.container.of_kind(c.TEXT)]
    if file.has_model:
        answer["tokenizer"] = _guarded(lambda: _tokenizer(file.tokenizer()))
    answer["chat_templates"] = [_guarded(lambda: {"id": s.id, **read_program_of(file.container, s)})
                                for s in file.container.of_kind(c.CHAT)]
    prompts = [_guarded(lambda: {"id": s.id, **read_prompt_of(file.container, s)}) for s in file.container.of_kind(c.PROMPT)]
    if prompts:
        answer["prompt_templates"] = prompts
    answer["adapters"] = [_guarded(lambda: _adapter(file, s)) for s in file.container.of_kind(c.ADAPTER)]
    answer["signatures"] = [_signature(file.container, s) for s in file.container.of_kind(c.SIGNATURE)]
    for section in file.container.of_kind(c.PROVENANCE):
        answer["provenance"] = _guarded(lambda: _plain(read_key_values_of(file.container, section)))
    answer["runs"] = True
    try:
        file.check_runs()
    except Refusal as refusal:
        answer.update(runs=False, refused=refusal.as_json())
    answer["reports"] = [report.as_json() for report in verify(file.container, file.tensors, file.configuration)]
    return answer


def _guarded(read):
    try:
        return read()
    except Refusal as refusal:
        return {"refused": refusal.as_json()}


def _container(file):
    section = lambda s: {"kind": s.kind, "id": s.id, "flags": s.flags, "offset": s.offset, "stored_length": s.stored,
                         "raw_length": s.raw, "codec": s.codec, "alignment": s.alignment, "digest": s.digest.hex()}
    return {
        "format": f"{c.KNOWN_MAJOR}.{file.minor}", "features": list(file.features), "slot": file.root.name,
        "generation": file.root.generation, "file_length": file.root.file_length,
        "model_digest": file.model_digest.hex(), "file_digest": file.file_digest.hex(),
        "sections": [section(s) for s in file.sections],
    }


def _tensor(file, tensor):
    values = file.tensor_values(tensor)
    answer = {
        "name": tensor.name, "encoding": tensor.encoding, "shape": list(tensor.shape), "group": tensor.group,
        "asymmetric": tensor.asymmetric, "section": tensor.section, "offset": tensor.offset, "length": tensor.length,
        "f32_sha256": hashlib.sha256(values.astype("<f4").tobytes()).hexdigest(),
        "first": [float(v) for v in values.reshape(-1)[:4]],
    }
    return answer if tensor.levels is None else {**answer, "levels": list(tensor.levels)}


def _text(file, section):
    raw = read_text_of(file.container, section)
    return {"id": section.id, "length": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}


def _adapter(file, section):
    data = bytes(file.container.bytes_of(section))
    return {"id": section.id, **describe_adapter(data, section.offset, section.id, file.container.model_digest,
                                                    file.tensors)}


def _signature(file, section):
    data = bytes(file.bytes_of(section))
    return {"id": section.id, **read_signature(data, section.offset, section.id, file.file_digest, file.model_digest)}


def _tokenizer(tokenizer):
    tokens = [token_bytes(tokenizer, token) for token in range(min(tokenizer.facts["ids"], 16))]
    return {**tokenizer.facts, "first_tokens": [None if token is None else token.hex() for token in tokens]}


def _plain(entries):
    return {key: _json_value(entry.value) for key, entry in entries.items()}


def _json_value(value):
    return value.hex() if isinstance(value, bytes) else value
