"""python3 Spec/reader FILE [--verify] [--json] [--tensor NAME --out FILE.npy] [--decode 1,2,3]

Opens a `.vial` file by the text of Spec/ alone. Exit 0: fine; 1: the file breaks a rule; 2: wrong usage."""
import argparse
import json
import mmap
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from vial_reader import report  # noqa: E402
from vial_reader.fields import Refusal  # noqa: E402
from vial_reader.shown import shown  # noqa: E402
from vial_reader.tokenizer import decode  # noqa: E402
from vial_reader.verify import verify  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="Spec/reader", description="Read a .vial file by the text of Spec/ alone.")
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--verify", action="store_true", help="read and check everything")
    parser.add_argument("--json", action="store_true", help="all that the file holds, as JSON")
    parser.add_argument("--tensor", metavar="NAME", help="decode this tensor to f32")
    parser.add_argument("--out", metavar="FILE.npy", type=pathlib.Path, help="where --tensor goes")
    parser.add_argument("--decode", metavar="IDS", help="text of these ids: 1,2,3")
    options = parser.parse_args()
    if bool(options.tensor) != bool(options.out):
        parser.error("--tensor and --out go together")
    try:
        options.decode = [int(i) for i in options.decode.split(",")] if options.decode else None
    except ValueError:
        parser.error("--decode takes ids: 1,2,3")
    try:
        return run(options, content(options.file))
    except Refusal as refusal:
        print(shown(f"{options.file}: {refusal}"), file=sys.stderr)
    except OSError as error:
        print(shown(f"{options.file}: {error.strerror}"), file=sys.stderr)
    return 1


def content(path):
    """The file's bytes, mapped when there are any."""
    with open(path, "rb") as file:
        if file.seek(0, 2) == 0:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def run(options, data):
    if options.json:
        answer = report.describe(data)
        print(json.dumps(answer, indent=1))
        return int("refused" in answer or bool(options.verify and answer["reports"]))
    file = report.OpenFile(data)
    if options.tensor:
        tensor = next((t for t in file.tensors if t.name == options.tensor), None)
        if tensor is None:
            print("there is no such tensor", file=sys.stderr)
            return 1
        numpy.save(options.out, file.tensor_values(tensor))
    elif options.decode:
        text = decode(file.tokenizer(), options.decode)
        print(shown(text) if sys.stdout.isatty() else text)
    elif options.verify:
        reports = verify(file.container, file.tensors, file.configuration)
        for each in reports:
            print(shown(f"{options.file}: {each}"), file=sys.stderr)
        print("the file is whole" if not reports else f"{len(reports)} reports")
        return int(bool(reports))
    else:
        summary(file)
    return 0


def summary(file):
    root = file.container.root
    print(f"format 1.{file.container.minor}, slot {root.name}, generation {root.generation}, {root.file_length} bytes")
    print(f"model digest {file.container.model_digest.hex()}\nfile digest  {file.container.file_digest.hex()}")
    for section in file.container.sections:
        print(f"section kind {section.kind} id {section.id}: {section.stored} bytes at {section.offset}")
    for tensor in file.tensors:
        print(shown(f"tensor {tensor.name}: {tensor.encoding} {list(tensor.shape)}"))
    if file.has_model:
        file.check_runs()


if __name__ == "__main__":
    sys.exit(main())
