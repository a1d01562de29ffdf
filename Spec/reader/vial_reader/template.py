"""Chat template programs: TEMPLATES.md, "Program", R-500 to R-508.

Owns: that every instruction is one that may run. Must not: run it."""
from .fields import Fields, require

LITERAL, SLOT, JUMP, BACK, FIELD, LOOP_VALUE, KIND, CHARACTERS, STRIP_SIDE, TWO_SIDES, NEXT_SLOT, CASE, SELECTION, PART, PLAIN, CALL, KEPT_SLOTS = range(17)
OPERANDS = {
    1: {LITERAL}, 6: {SLOT}, 7: {SLOT}, 10: {FIELD}, 14: {JUMP}, 15: {JUMP}, 16: {JUMP}, 17: {JUMP},
    19: {NEXT_SLOT, JUMP}, 20: {BACK}, 21: {LOOP_VALUE}, 29: {STRIP_SIDE, CHARACTERS}, 30: {TWO_SIDES, LITERAL},
    31: {TWO_SIDES, LITERAL}, 32: {KIND}, 34: {LITERAL}, 35: {LITERAL}, 40: {CHARACTERS}, 43: {CASE, LITERAL},
    49: {SELECTION, LITERAL}, 52: {TWO_SIDES}, 53: {TWO_SIDES}, 54: {TWO_SIDES},
    57: {TWO_SIDES, LITERAL}, 59: {PART, LITERAL}, 61: {KEPT_SLOTS, CALL}, 63: {PLAIN, LITERAL},
}
OPERATIONS = range(64)
LOOP_NEXT = 19
ALL_ONES = 0xFFFFFFFF


def read_program(data, base):
    fields = Fields(data, base, 500)
    require(len(data) >= 64, 500, base, "the chat template is shorter than its header")
    require(len(data) <= 1048576, 500, base, "a chat template of more than 1 MiB")
    require(fields.u32(0) == 1, 501, base, "the chat template's version is unknown")
    fields.require_zero(20, 4, 502, "a reserved byte of the chat template is not zero")
    fields.require_zero(48, 16, 502, "a reserved byte of the chat template is not zero")
    instructions, literals, pool_length, slots = (fields.u32(at) for at in (4, 8, 12, 16))
    require(1 <= instructions <= 4096, 503, base + 4, "the number of instructions is out of its range")
    require(literals <= 2048, 503, base + 8, "the number of literals is out of its range")
    require(pool_length <= 65536, 503, base + 12, "the length of the pool is out of its range")
    require(slots <= 128, 503, base + 16, "the number of slots is out of its range")
    for at, length, multiple in ((24, 8 * instructions, 8), (32, 8 * literals, 4), (40, pool_length, 1)):
        offset = fields.u64(at)
        require(offset % multiple == 0, 504, base + at, "a part of the chat template is not aligned")
        require(offset <= len(data) and length <= len(data) - offset, 504, base + at,
                "a part of the chat template lies outside of it")
    for index in range(literals):
        at = fields.u64(32) + 8 * index
        end = fields.u32(at) + fields.u32(at + 4)
        require(end <= pool_length, 505, base + at, "a literal lies outside the pool")
    start = fields.u64(24)
    operations = [fields.u16(start + 8 * i) for i in range(instructions)]
    for index, operation in enumerate(operations):
        at = start + 8 * index
        require(operation in OPERATIONS, 506, base + at, "an operation is unknown")
        _check_operands(operations, index, fields.u16(at + 2), fields.u32(at + 4), literals, slots, base + at)
    return {"instructions": instructions, "literals": literals, "slots": slots, "pool": pool_length}


def _check_operands(operations, index, a, b, literals, slots, here):
    for operand in OPERANDS.get(operations[index], ()):
        if operand in (JUMP, BACK, CALL):
            forward = operand == JUMP and index < b < len(operations)
            back = operand == BACK and b < index and operations[b] == LOOP_NEXT
            require(forward or back or operand == CALL and b < len(operations), 508, here, "a jump does not lead where it may")
            continue
        exists = {
            LITERAL: b < literals, CHARACTERS: b < literals or b == ALL_ONES, SLOT: b < slots, NEXT_SLOT: a < slots,
            FIELD: b < 2, LOOP_VALUE: b < 9, KIND: b < 9, STRIP_SIDE: 1 <= a <= 3, TWO_SIDES: a < 2, CASE: a < 5,
            SELECTION: a < 4, PART: a < 5, PLAIN: a < 4, KEPT_SLOTS: (a >> 8) + (a & 255) <= slots,
        }[operand]
        require(exists, 507, here, "what an instruction names does not exist")
