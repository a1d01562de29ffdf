"""Verifying: everything is read once, and all that is wrong is reported. FORMAT.md, "Verifying".

Owns: the order of the reports. Must not: stop at the first."""
from . import values
from .adapters import verify_adapter
from .container import ADAPTER, CHAT, CHUNKS, FIRST_SECTION, FREE, PROMPT, PROVENANCE, SIGNATURE, TEXT, TOKENIZER, WEIGHTS, section_digest
from .fields import Fields, Refusal, require
from .keyvalues import read_key_values
from .prompts import read_prompt
from .signatures import read_signature
from .template import read_program
from .texts import read_text
from .tokenizer import read_tokenizer


def verify(file, tensors, configuration):
    """A list of Refusals; empty for a whole file. Tensors and configuration are empty where there is no model."""
    reports = [slot.refusal for slot in file.slots if slot.refusal]
    end = file.root.file_length
    if end < len(file.data):
        reports.append(Refusal(117, end, "bytes follow the end of the file"))
    reports += _digests(file)
    reports += _chunk_digests(file)
    reports += _gaps(file)
    for section in file.of_kind(WEIGHTS):
        reports += values.check_gaps(tensors, section, file.bytes_of(section))
    sections = {section.id: section for section in file.of_kind(WEIGHTS)}
    for tensor in tensors:
        start = sections[tensor.section].offset + tensor.offset
        reports += values.check(tensor, file.data[start:start + tensor.length], start)
    for section in file.of_kind(ADAPTER):
        data = bytes(file.bytes_of(section))
        reports += verify_adapter(data, section.offset, section.id, file.model_digest, tensors)
    tokenizer = lambda file, section: read_tokenizer_of(file, section, configuration)
    readers = ((TEXT, read_text_of), (PROVENANCE, read_key_values_of), (TOKENIZER, tokenizer), (CHAT, read_program_of),
               (PROMPT, read_prompt_of))
    for kind, read in readers:
        for section in file.of_kind(kind):
            try:
                read(file, section)
            except Refusal as refusal:
                reports.append(refusal)
    for section in file.of_kind(SIGNATURE):
        answer = read_signature(file.bytes_of(section), section.offset, section.id, file.file_digest,
                                file.model_digest)
        if answer["status"] == "wrong":
            reports.append(Refusal(651, section.offset, "a signature is wrong"))
    return reports


def read_text_of(file, section): return read_text(section, file.bytes_of(section))
def read_key_values_of(file, section): return read_key_values(file.bytes_of(section), section.offset)
def read_tokenizer_of(file, section, configuration):
    return read_tokenizer(file.bytes_of(section), section.offset, configuration["vocabulary_size"])
def read_program_of(file, section): return read_program(file.bytes_of(section), section.offset)
def read_prompt_of(file, section): return read_prompt(file.bytes_of(section), section.offset, section.id)


def _digests(file):
    for section in file.sections:
        if section.kind != FREE and section_digest(file.bytes_of(section))[0] != section.digest:
            yield Refusal(220, section.offset, "a section does not match its digest")


def _chunk_digests(file):
    long = [s for s in file.sections if s.chunk_count > 1 and s.kind not in (CHUNKS, FREE)]
    long.sort(key=lambda s: (s.kind, s.id))
    holder = next(iter(file.of_kind(CHUNKS)), None)
    try:
        if holder is None:
            require(not long, 223, long[0].entry if long else 0, "a section has chunks and there are no chunk digests")
        else:
            _check_chunk_digests(file, holder, long)
    except Refusal as refusal:
        return [refusal]
    return []


def _check_chunk_digests(file, holder, long):
    fields = Fields(file.bytes_of(holder), holder.offset, 222)
    base = holder.offset
    require(long, 222, base, "there are chunk digests and no section has chunks")
    require(fields.bytes(0, 4) == b"CHNK", 222, base, "not chunk digests")
    require(fields.u32(4) == 1, 222, base + 4, "the version of the chunk digests is unknown")
    require(fields.u32(8) == len(long), 222, base + 8, "the chunk digests do not list the sections that have chunks")
    require(fields.u32(12) == 32, 222, base + 12, "the stride of the chunk digests is not 32")
    leaf = 0
    for index, section in enumerate(long):
        at = 16 + 32 * index
        same = (fields.u32(at), fields.u32(at + 4), fields.u64(at + 8)) == (section.kind, 0, section.id)
        require(same, 222, base + at, "the chunk digests do not list the sections that have chunks")
        counts = (fields.u64(at + 16), fields.u64(at + 24)) == (leaf, section.chunk_count)
        require(counts, 222, base + at + 16, "an entry of the chunk digests has wrong leaves")
        leaf += section.chunk_count
    start = 16 + 32 * len(long)
    require(len(fields) == start + 32 * leaf, 222, base, "the chunk digests have a wrong length")
    for section in long:
        for wanted in section_digest(file.bytes_of(section))[1]:
            require(fields.bytes(start, 32) == wanted, 223, base + start, "a leaf is wrong")
            start += 32


def _gaps(file):
    end = FIRST_SECTION
    for start, following in [(s.offset, s.end) for s in file.sections] + [(file.root.table_offset, None)]:
        gap = bytes(file.data[end:start])
        if any(gap):
            first = next(i for i, byte in enumerate(gap) if byte)
            yield Refusal(221, end + first, "a byte between sections is not zero")
        end = following
