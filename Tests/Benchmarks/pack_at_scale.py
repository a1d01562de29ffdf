#!/usr/bin/env python3
"""Packs a large checkpoint and holds the packer against what is promised of it: memory, processors, shared pages, and
what is left after a kill or an error. Standard library only; exit code 1 when a promise is broken.

    pack_at_scale.py VIAL CHECKPOINT SCRATCH [--memory-gb 1.5] [--kill-at 20,60] [PACK OPTION]...

SCRATCH is a folder with room for three packed files. make_large_checkpoint.py writes a checkpoint. The full disk is a
tmpfs and needs root; without it that part is left out, and said so. Files in SCRATCH are removed again.
"""
import argparse
import contextlib
import filecmp
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

failures = 0


def report(name, holds, text):
    """One line on stdout."""
    global failures
    failures += not holds
    print(f"{'ok  ' if holds else 'FAIL'} {name}: {text}", flush=True)


class Sampler:
    """A running process: the most private memory it had, its processor time, its progress on stderr."""

    def __init__(self, command):
        self.start = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.anonymous = 0
        self.ticks = []

    def sample(self):
        """Called while it runs."""
        folder = f"/proc/{self.process.pid}"
        with contextlib.suppress(OSError, StopIteration):
            with open(folder + "/status") as status:
                line = next(line for line in status if line.startswith("RssAnon:"))
            self.anonymous = max(self.anonymous, int(line.split()[1]) * 1024)
            fields = pathlib.Path(folder, "stat").read_text().rpartition(")")[2].split()
            self.ticks.append((time.monotonic(), int(fields[11]) + int(fields[12])))

    def wait(self):
        """Samples to the end. Returns seconds, processor seconds, and the lines on stderr."""
        while True:
            self.sample()
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                break
            time.sleep(0.05)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - self.start
        return seconds, usage.ru_utime, usage.ru_stime, self.process.stderr.read().splitlines()

    def busy(self, first, last):
        """Processors kept busy between two shares of the whole time."""
        begin, end = self.ticks[0][0], self.ticks[-1][0]
        part = [t for t in self.ticks if first <= (t[0] - begin) / max(end - begin, 0.1) <= last]
        hertz = os.sysconf("SC_CLK_TCK")
        if len(part) < 2:
            return 0
        return (part[-1][1] - part[0][1]) / hertz / max(part[-1][0] - part[0][0], 0.01)


def machine_seconds():
    """Processor seconds of the whole machine so far, idle left out."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    ticks = [int(field) for field in fields]
    return (sum(ticks[:8]) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def pack(arguments, output, source=None):
    return [arguments.vial, "pack", source or arguments.checkpoint, "-o", output, *arguments.options]


def measure(arguments, output):
    """One whole pack, and `vial verify` of what it made."""
    source = sum(f.stat().st_size for f in pathlib.Path(arguments.checkpoint).iterdir() if f.is_file())
    machine = machine_seconds()
    sampler = Sampler(pack(arguments, output))
    seconds, user, system, lines = sampler.wait()
    machine = machine_seconds() - machine - user - system
    report("pack", sampler.process.returncode == 0, lines[-1] if lines else "")
    size = os.path.getsize(output)
    print(f"     {source / 1e9:.2f} GB in, {size / 1e9:.2f} GB out, {seconds:.1f} s, {source / seconds / 1e6:.0f} MB/s"
          f" of source; {user:.1f} s user, {system:.1f} s system")
    report("anonymous memory", sampler.anonymous <= arguments.memory_gb * 1e9,
           f"{sampler.anonymous / 1e6:.0f} MB at most")
    shares = ", ".join(f"{sampler.busy(i / 4, (i + 1) / 4):.2f}" for i in range(4))
    print(f"     processors busy: {(user + system) / seconds:.2f} of {os.cpu_count()} ({shares} by quarters);"
          f" others took {machine / seconds:.2f}")
    progress = [line for line in lines if "%" in line]
    report("progress", any("/s" in line and " left" in line for line in progress),
           progress[len(progress) // 2] if progress else "no line")
    start = time.monotonic()
    verified = subprocess.run([arguments.vial, "verify", output], capture_output=True, text=True)
    report("verify", verified.returncode == 0, f"exit {verified.returncode} after {time.monotonic() - start:.1f} s")


def mapping(pid, path):
    """Sums of the smaps fields of a process's mappings of `path`, in kB."""
    sums, inside = {}, False
    with open(f"/proc/{pid}/smaps") as smaps:
        for line in smaps:
            words = line.split()
            if not words[0].endswith(":"):
                inside = line.rstrip("\n").endswith(" " + path)
            elif inside and words[-1] == "kB":
                sums[words[0][:-1]] = sums.get(words[0][:-1], 0) + int(words[1])
    return sums


def share(arguments, output):
    """Two processes that answer from one file at once."""
    path = os.path.realpath(output)
    command = [arguments.vial, "run", path, "--ids", "1,2,3", "--max-tokens", "256", "--temperature", "0"]
    with contextlib.ExitStack() as stack:
        runs = []
        for _ in range(2):
            run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            stack.callback(run.wait)
            stack.callback(run.kill)
            runs.append(run)
        # The first token touches every page but those of the embedding.
        size, limit = os.path.getsize(path), time.monotonic() + 240
        maps = []
        while time.monotonic() < limit and all(run.poll() is None for run in runs):
            maps = [mapping(run.pid, path) for run in runs]
            if all(m.get("Rss", 0) * 1024 > 0.6 * size for m in maps):
                break
            time.sleep(0.5)
        for number, m in enumerate(maps, 1):
            keys = ("Size", "Rss", "Pss", "Private_Dirty", "Anonymous")
            text = ", ".join(f"{key} {m.get(key, 0) / 1e3:.1f} MB" for key in keys)
            halved = 0 < m.get("Pss", 0) <= 0.55 * m.get("Rss", 0)
            report(f"process {number} of 2", halved and m.get("Private_Dirty") == m.get("Anonymous") == 0, text)
        if len(maps) < 2:
            report("two processes", False, "they did not stay")


def kill(arguments, scratch, whole, seconds):
    """SIGKILL in the middle of packing; then the next pack."""
    output = scratch / "killed.vial"
    process = subprocess.Popen(pack(arguments, str(output)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = [path for path in scratch.iterdir() if path.name.startswith("killed")]
    names = " ".join(f"{path.name} ({path.stat().st_size / 1e9:.2f} GB)" for path in left) or "nothing"
    known = {"killed.vial.partial", "killed.vial.partial-layers"}  # the second one holds layers that are calibrated
    report(f"kill -9 after {seconds:g} s", {path.name for path in left} <= known, f"leaves {names}")
    return output


def again(arguments, scratch, whole, output):
    """The pack after the kills gives what an uninterrupted one gives."""
    status = subprocess.run(pack(arguments, str(output)), capture_output=True, text=True).returncode
    names = sorted(path.name for path in scratch.iterdir() if path.name.startswith("killed"))
    same = status == 0 and filecmp.cmp(output, whole, shallow=False)
    report("the next pack", same and names == ["killed.vial"],
           f"exit {status}, {'equal' if same else 'other'} bytes, {' '.join(names)}")
    output.unlink(missing_ok=True)


def refused(name, command, folder, word, user=None):
    """One clear line, exit 1, nothing left in `folder`."""
    before = sorted(os.listdir(folder))
    start = time.monotonic()
    run = subprocess.run(command, capture_output=True, text=True, user=user)
    lines = [line for line in run.stderr.splitlines() if "%" not in line and not line.startswith("warning")]
    clean = sorted(os.listdir(folder)) == before
    report(name, run.returncode == 1 and len(lines) == 1 and word in lines[0] and clean,
           f"exit {run.returncode} after {time.monotonic() - start:.1f} s, {'nothing' if clean else 'something'} left: "
           + " | ".join(lines))


def linked(arguments, scratch, name):
    """A folder of links to the checkpoint's files."""
    folder = scratch / name
    folder.mkdir(exist_ok=True)
    for file in pathlib.Path(arguments.checkpoint).resolve().iterdir():
        (folder / file.name).symlink_to(file)
    return folder


def errors(arguments, scratch, whole):
    """Checkpoints and disks that cannot do."""
    out = scratch / "out"
    out.mkdir(exist_ok=True)
    shard = sorted(pathlib.Path(arguments.checkpoint).glob("*.safetensors"))[-1].name
    missing, unreadable = (linked(arguments, scratch, name) for name in ("missing", "unreadable"))
    (missing / shard).unlink()
    refused("missing shard", pack(arguments, str(out / "x.vial"), str(missing)), out, shard)
    (unreadable / shard).unlink()
    (unreadable / shard).write_bytes(b"")
    (unreadable / shard).chmod(0)
    root = os.geteuid() == 0
    if root:  # Nobody refuses root; somebody without rights must be able to write `out` and to read the rest.
        out.chmod(0o777)
    refused("unreadable shard", pack(arguments, str(out / "x.vial"), str(unreadable)), out, shard,
            user=65534 if root else None)
    full = scratch / "full"
    full.mkdir(exist_ok=True)
    size = min(os.path.getsize(whole) // 3, 256 << 20)
    if root and subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", full]).returncode == 0:
        try:
            refused("full disk", pack(arguments, str(full / "x.vial")), full, "space")
        finally:
            subprocess.run(["umount", full], check=True)
    else:
        print("     full disk: not tried, that needs root")
    for folder in (missing, unreadable, full, out):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("vial")
    parser.add_argument("checkpoint")
    parser.add_argument("scratch", type=pathlib.Path)
    parser.add_argument("--memory-gb", type=float, default=1.5)
    parser.add_argument("--kill-at", default="20,60", metavar="SECONDS,..")
    parser.add_argument("--only", default="pack,share,kill,errors", metavar="PART,..",
                        help="all but pack need its file; errors, the last one, removes it")
    arguments, arguments.options = parser.parse_known_args()
    arguments.vial = os.path.abspath(arguments.vial)
    scratch = arguments.scratch / "pack-at-scale"
    scratch.mkdir(parents=True, exist_ok=True)
    whole = scratch / "whole.vial"
    parts = arguments.only.split(",")
    if "pack" in parts:
        measure(arguments, str(whole))
    if "share" in parts:
        share(arguments, str(whole))
    if "kill" in parts:
        for seconds in arguments.kill_at.split(","):
            output = kill(arguments, scratch, whole, float(seconds))
        again(arguments, scratch, whole, output)
    if "errors" in parts:
        errors(arguments, scratch, whole)
    if "errors" in parts:
        whole.unlink()
        scratch.rmdir()
    print(f"{failures} failed" if failures else "all hold")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
