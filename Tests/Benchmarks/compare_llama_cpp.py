#!/usr/bin/env python3
"""Vial beside llama.cpp (and others) on the same shape, weights random: speed, time to the first token, private memory.

usage: compare_llama_cpp.py VIAL CHECKPOINT --work FOLDER [--venv FOLDER] [--formats Q4_0,Q4_K] [--group 128,64] [--openvino] ...

CHECKPOINT needs config.json and tokenizer files only. The script packs it into WORK with `vial pack --random-weights`, int4 in
layers, embedding and head as Q4_0 and Q4_K have it (and, with --default, in the default encodings), writes the same
shape as GGUF, and installs llama-cpp-python, gguf and numpy from PyPI into the virtual environment (pip builds llama.cpp
from source with native flags: ten minutes on two cores). What is there already is used as it is.

--openvino adds OpenVINO GenAI: PyPI's openvino-genai and optimum-intel (with torch) go into an environment of their own, which
exports a random checkpoint of the shape to int4 in groups of 128 (a few minutes, 4 bytes of memory a parameter).
--ik FOLDER adds ik_llama.cpp from the folder where it was built (bin/llama-bench, bin/llama-batched-bench): Q4_0 of the same file,
repacked as it loads (-rtr), a process for every test.

Engines take turns, test by test, in every round; figures are medians over the rounds. Vial's include greedy sampling,
llama.cpp's do not. Vial's share of the machine's limit comes from the same run (vial bench)."""
import argparse, json, mmap, os, pathlib, statistics, subprocess, sys, threading, time, venv

here = pathlib.Path(__file__).resolve().parent


def numbers(text):
    return [int(n) for n in text.split(",") if n]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vial", type=pathlib.Path)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for models (and the environment)")
    parser.add_argument("--venv", type=pathlib.Path, help="a virtual environment (default: WORK/venv)")
    parser.add_argument("--formats", default="Q4_0", help="of llama.cpp: Q4_0, Q4_K or both")
    parser.add_argument("--group", default="128", help="of Vial's int4: 32, 64, 128; the first one is compared")
    parser.add_argument("--default", action="store_true", help="also measure Vial's default encodings")
    parser.add_argument("--openvino", action="store_true", help="also measure OpenVINO GenAI")
    parser.add_argument("--openvino-venv", type=pathlib.Path, help="its environment (default: WORK/openvino)")
    parser.add_argument("--ik", type=pathlib.Path, help="also measure ik_llama.cpp, built in this folder")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--prefill", default="512", help="prompt lengths")
    parser.add_argument("--batch", default="1", help="sequences that decode together")
    parser.add_argument("--depth", default="0", help="tokens that each has before")
    parser.add_argument("--generate", type=int, default=32, help="steps of a decode test")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=pathlib.Path, help="where to write every measurement")
    return parser.parse_args()


def prepared_python(folder, packages):
    """The environment's Python, with all packages (module: name on PyPI)."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    if subprocess.run([python, "-c", "import " + ", ".join(packages)], capture_output=True).returncode:
        subprocess.run([python, "-m", "pip", "install", *packages.values()], check=True, stdout=sys.stderr,
                       env={**os.environ, "CMAKE_ARGS": "-DGGML_NATIVE=ON"})
    return python


def make_once(path, command):
    if not path.exists():
        subprocess.run(command, check=True, stdout=sys.stderr)
    fill_page_cache(path)
    return path


def fill_page_cache(path):
    """Reads the file from disk as a program does that maps it and asks for large pages. What wrote it may have left its
    pages in the cache in 4 KiB pieces, which cost both engines some of the reading."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as memory:
            memory.madvise(mmap.MADV_HUGEPAGE)
            for offset in range(0, len(memory), mmap.PAGESIZE):
                memory[offset]


class PeakMemory:
    """The most anonymous memory that a process has, looked at every 5 ms."""

    def __init__(self, process):
        self.byte_count, self.pid, self.running = 0, process.pid, True
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while self.running:
            try:
                text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
            except OSError:
                return
            for line in text.splitlines():
                if line.startswith("RssAnon"):
                    self.byte_count = max(self.byte_count, int(line.split()[1]) * 1024)
            time.sleep(0.005)

    def stop(self):
        self.running = False
        self.thread.join()
        return self.byte_count


class VialEngine:
    def __init__(self, name, program, path, threads):
        self.name, self.program, self.path, self.threads = name, str(program), path, str(threads)

    def first_token(self):
        """Seconds of a whole process that opens the file and answers with one token, and its peak memory; seconds of one
        that opens it and tokenises."""
        start = time.monotonic()
        subprocess.run([self.program, "tokenize", self.path, "--text", "a"], check=True, stdout=subprocess.DEVNULL)
        opened = time.monotonic() - start
        ids = ",".join(str(i + 1) for i in range(16))
        start = time.monotonic()
        process = subprocess.Popen(
            [self.program, "run", self.path, "--ids", ids, "--max-tokens", "1", "--temperature", "0", "--threads", self.threads],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak = PeakMemory(process)
        process.wait()
        seconds = time.monotonic() - start
        if process.returncode:
            raise SystemExit(f"{self.path}: vial run failed")
        return {"open_seconds": opened, "first_token_seconds": seconds, "anonymous_bytes": peak.stop()}

    def measure(self, test):
        if test["test"] == "prefill":
            sizes = ["--prompt", test["prompt"], "--generate", 0]
        else:
            sizes = ["--prompt", 0, "--generate", test["generate"], "--depth", test["depth"]]
        run = subprocess.run(
            [self.program, "bench", self.path, "--json", "--threads", self.threads, "--batch", str(test["batch"]), *map(str, sizes)],
            check=True, capture_output=True, text=True)
        (result,) = json.loads(run.stdout)
        return {key: result[key] for key in
                ["seconds", "share_of_limit", "read_bandwidth", "int8_peak", "processor_share", "isa"]}

    def close(self):
        pass


class WorkerEngine:
    """A peer that a Python process of its own drives: llama_cpp_worker.py, openvino_worker.py."""

    def __init__(self, name, worker, python, path, threads, tests):
        self.name, self.worker, self.python, self.path, self.threads = name, worker, python, path, threads
        self.sequences = max(test["batch"] for test in tests)
        positions = max(test["batch"] * (test.get("prompt", 0) + test.get("depth", 0) + test.get("generate", 0) + 8)
                        for test in tests)
        self.context = -(-positions // 256) * 256
        self.process = None

    def first_token(self):
        """Opens the model in a new process, which then stays; seconds are its own, without starting Python."""
        self.close()
        self.process = subprocess.Popen(
            [self.python, here / self.worker, self.path, str(self.threads), str(self.sequences), str(self.context)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        peak = PeakMemory(self.process)
        answer = self.answer()
        answer["anonymous_bytes"] = max(peak.stop(), answer["anonymous_bytes"])
        return answer

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.path}: {self.worker} ended")
        return json.loads(line)

    def measure(self, test):
        if not self.process:
            self.first_token()
        self.process.stdin.write(json.dumps(test) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()
            self.process = None


class IkEngine:
    """ik_llama.cpp by its own benchmarks; they open the model anew each time, which is not timed."""

    def __init__(self, name, folder, path, threads):
        self.name, self.folder, self.path, self.threads = name, folder, path, str(threads)

    def first_token(self):
        return None

    def measure(self, test):
        if test["test"] == "decode" and (test["batch"] > 1 or test["depth"]):
            return self.measure_batched(test)
        sizes = [test["prompt"], 0] if test["test"] == "prefill" else [0, test["generate"]]
        run = subprocess.run(
            [self.folder / "bin" / "llama-bench", "-m", self.path, "-t", self.threads, "-fa", "1", "-rtr", "1", "-r", "1",
             "-p", str(sizes[0]), "-n", str(sizes[1]), "-o", "json"], check=True, capture_output=True, text=True)
        (result,) = json.loads(run.stdout[run.stdout.index("["):])
        return {"seconds": sum(sizes) / result["avg_ts"]}

    def measure_batched(self, test):
        depth, count, generate = max(test["depth"], 8), test["batch"], test["generate"]
        run = subprocess.run(
            [self.folder / "bin" / "llama-batched-bench", "-m", self.path, "-t", self.threads, "-fa", "on", "-rtr", "-c",
             str(max(2048, count * (depth + generate) + 256)), "-b", "2048", "-ub", "512", "-npp", str(depth), "-ntg", str(generate),
             "-npl", str(count)], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        row = [line for line in run.stdout.splitlines() if line.startswith("|")][-1].split("|")
        return {"seconds": float(row[7])}  # T_TG

    def close(self):
        pass


def label(test):
    if test["test"] == "prefill":
        return f"prefill {test['prompt']}"
    return f"decode, {test['batch']} together, depth {test['depth']}"


def tokens(test):
    return test["batch"] * (test.get("prompt", 0) + test.get("generate", 0))


def table(engines, tests, results):
    def middle(engine, test, key="seconds"):
        return statistics.median(r[key] for r in results[engine.name][label(test)])

    print("| test | " + " | ".join(f"{e.name}, tok/s" for e in engines) + " | share of limit | ratios |")
    print("|---" * (len(engines) + 3) + "|")
    ours, peers = engines[0], [e for e in engines if not isinstance(e, VialEngine)]
    for test in tests:
        rates = [f"{tokens(test) / middle(e, test):.1f}" for e in engines]
        ratios = ", ".join(f"{middle(p, test) / middle(ours, test):.2f} × {p.name}" for p in peers)
        print(f"| {label(test)} | " + " | ".join(rates) + f" | {middle(ours, test, 'share_of_limit'):.0%} | {ratios} |")
    for what, key, unit in [("open, s", "open_seconds", 1), ("open to first token, s", "first_token_seconds", 1),
                            ("private memory by then, MB", "anonymous_bytes", 1e6)]:
        values = [f"{statistics.median(r[key] for r in results[e.name]['open']) / unit:.2f}" if results[e.name]["open"][0] else ""
                  for e in engines]
        print(f"| {what} | " + " | ".join(values) + " | | |")
    last = [r for test in tests for r in results[ours.name][label(test)]]
    print(f"\n{ours.name}: {last[0]['isa']}, {ours.threads} threads; read bandwidth "
          f"{min(r['read_bandwidth'] for r in last) / 1e9:.1f} to {max(r['read_bandwidth'] for r in last) / 1e9:.1f} GB/s, int8 peak "
          f"{statistics.median(r['int8_peak'] for r in last) / 1e9:.0f} GOP/s, processor share at least "
          f"{min(r['processor_share'] for r in last):.0%}")


def main():
    given = arguments()
    given.vial = given.vial.resolve()
    given.work.mkdir(parents=True, exist_ok=True)
    python = prepared_python(
        given.venv or given.work / "venv", {"llama_cpp": "llama-cpp-python", "gguf": "gguf", "numpy": "numpy"})
    tests = [{"test": "prefill", "prompt": n, "batch": 1} for n in numbers(given.prefill)]
    tests += [{"test": "decode", "generate": given.generate, "batch": m, "depth": d}
              for d in numbers(given.depth) for m in numbers(given.batch)]
    name = given.checkpoint.resolve().name
    pack = [given.vial, "pack", given.checkpoint, "--random-weights", "1"]
    engines = []
    for group in given.group.split(","):
        file = given.work / f"{name}-int4-g{group}.vial"
        make_once(file, [*pack, "--group", group, "--embedding", "int4", "--head", "int4", "-o", file])
        engines.append(VialEngine(f"Vial int4 g{group}", given.vial, file, given.threads))
    if given.default:
        file = given.work / f"{name}-default.vial"
        make_once(file, [*pack, "-o", file])
        engines.append(VialEngine("Vial default", given.vial, file, given.threads))
    for kind in given.formats.split(","):
        file = given.work / f"{name}-{kind}.gguf"
        make_once(file, [python, here / "random_gguf.py", given.checkpoint / "config.json", file, "--type", kind])
        engines.append(WorkerEngine(f"llama.cpp {kind}", "llama_cpp_worker.py", python, file, given.threads, tests))
    if given.ik:
        engines.append(IkEngine("ik_llama.cpp Q4_0", given.ik, given.work / f"{name}-Q4_0.gguf", given.threads))
    if given.openvino:
        other = prepared_python(
            given.openvino_venv or given.work / "openvino",
            {"openvino_genai": "openvino-genai", "optimum.intel": "optimum-intel", "torch": "torch", "nncf": "nncf"})
        folder = given.work / f"{name}-openvino"
        if not folder.exists():
            subprocess.run([other, here / "openvino_export.py", given.checkpoint, folder], check=True, stdout=sys.stderr)
        engines.append(WorkerEngine("OpenVINO GenAI", "openvino_worker.py", other, folder, given.threads, tests))
    results = {engine.name: {} for engine in engines}
    try:
        for number in range(given.rounds):
            for engine in engines:
                results[engine.name].setdefault("open", []).append(engine.first_token())
            for test in tests:
                for engine in engines:
                    print(f"round {number + 1}: {label(test)}: {engine.name}", file=sys.stderr)
                    results[engine.name].setdefault(label(test), []).append(engine.measure(test))
    finally:
        for engine in engines:
            engine.close()
    if given.json:
        given.json.write_text(json.dumps(results, indent=1))
    table(engines, tests, results)


main()
