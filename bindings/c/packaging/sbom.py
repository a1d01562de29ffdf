#!/usr/bin/env python3
"""Writes the software bill of materials of a staged installation as SPDX 2.3 JSON, on stdout.

Usage: sbom.py STAGE ARCHIVES: STAGE/lib and STAGE/bin are described, ARCHIVES holds the static libraries that were linked
in. The same inputs give the same bytes: the time is SOURCE_DATE_EPOCH's, or that of the last commit. Owns: what is said of
whom. Must not: guess: a version that nobody tells is an error.
"""
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
NOBODY = "NOASSERTION"


def run(*command):
    """Standard output of a command; None when it fails or is not there."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def told(value, what):
    if not value:
        sys.exit(f"sbom: nothing tells {what}")
    return value


def digest(path):
    return {"algorithm": "SHA256", "checksumValue": hashlib.sha256(path.read_bytes()).hexdigest()}


def identifier(name):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def package(name, version, licence, origin, location=NOBODY, checksums=(), references=()):
    """A package as SPDX has it; `origin` is its maker."""
    entry = {
        "SPDXID": identifier(name), "name": name, "versionInfo": version, "supplier": origin,
        "downloadLocation": location, "filesAnalyzed": False, "licenseConcluded": licence,
        "licenseDeclared": licence, "copyrightText": NOBODY,
    }
    if checksums:
        entry["checksums"] = list(checksums)
    if references:
        entry["externalRefs"] = [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}
            for locator in references
        ]
    return entry


def debian(file):
    """Package and version that a system's file came with, as a package URL; none off Debian."""
    owner = run("dpkg-query", "-S", str(file))
    if not owner:
        return []
    name = owner.split(":")[0]
    version = run("dpkg-query", "-W", "-f", "${Version}", name)
    return [f"pkg:deb/debian/{name}@{version}"] if version else []


def system_library(archives, name, title, version, licence, origin):
    """A static library of the system that was linked in."""
    file = (archives / name).resolve()
    return package(title, told(version, f"{title}'s version"), licence, origin, checksums=[digest(file)],
                   references=debian(file))


def swift_packages(information, archives):
    """The runtime and what came with the compiler."""
    version = information["swift"]
    runtime = json.loads(told(run(os.environ.get("SWIFT", "swift"), "-print-target-info"), "where Swift's runtime is"))
    folder = pathlib.Path(runtime["paths"]["runtimeResourcePath"] + "_static") / "linux"
    checksums = [digest(folder / "libswiftCore.a")]
    origin = "Organization: Swift project (swift.org)"
    licence = "Apache-2.0 WITH Swift-exception"
    yield package("swift-runtime", version, licence, origin, f"https://github.com/swiftlang/swift/tree/swift-{version}-RELEASE",
                  checksums)
    yield package("libdispatch", version, licence, origin,
                  f"https://github.com/swiftlang/swift-corelibs-libdispatch/tree/swift-{version}-RELEASE",
                  [digest(folder / "libdispatch.a")])
    yield package("swift-corelibs-foundation", version, licence, origin,
                  f"https://github.com/swiftlang/swift-corelibs-foundation/tree/swift-{version}-RELEASE",
                  [digest(folder / "libFoundation.a")])
    yield package("swift-foundation", version, licence, origin,
                  f"https://github.com/swiftlang/swift-foundation/tree/swift-{version}-RELEASE",
                  [digest(folder / f"lib{name}.a") for name in ("FoundationEssentials", "FoundationInternationalization")])
    yield package("swift-foundation-icu", version, "Unicode-3.0 AND Apache-2.0 WITH Swift-exception", origin,
                  f"https://github.com/swiftlang/swift-foundation-icu/tree/swift-{version}-RELEASE",
                  [digest(folder / "lib_FoundationICU.a")])


def argument_parser():
    pins = json.loads((ROOT / "Package.resolved").read_text())["pins"]
    state = next(pin["state"] for pin in pins if pin["identity"] == "swift-argument-parser")
    return package("swift-argument-parser", told(state.get("version"), "swift-argument-parser's version"),
                   "Apache-2.0 WITH Swift-exception", "Organization: Swift project (swift.org)",
                   f"git+https://github.com/apple/swift-argument-parser@{state['revision']}")


def time_of_sources():
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or run("git", "log", "-1", "--format=%ct")
    moment = datetime.datetime.fromtimestamp(int(told(seconds, "the sources' time")), datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: sbom.py STAGE ARCHIVES")
    stage, archives = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    information = json.loads(told(run(str(stage.resolve() / "bin/vial"), "--version", "--json"), "what vial was built from"))
    version = information["vial"]
    library = stage / f"lib/libvial.so.{version}"
    ours = "Organization: Vial"
    gcc = run(os.environ.get("CC", "gcc"), "-dumpfullversion")
    products = [
        package("libvial", version, "Apache-2.0", ours, checksums=[digest(library)]),
        package("libvial-static", version, "Apache-2.0", ours, checksums=[digest(stage / "lib/libvial.a")]),
        package("vial", version, "Apache-2.0", ours, checksums=[digest(stage / "bin/vial")]),
    ]
    runtime, dispatch, *foundation = swift_packages(information, archives)
    lz4 = system_library(archives, "liblz4.a", "lz4", information["lz4"], "BSD-2-Clause", "Person: Yann Collet")
    sodium = system_library(archives, "libsodium.a", "libsodium", information["libsodium"], "ISC", "Person: Frank Denis")
    cxx = system_library(archives, "libstdc++.a", "libstdc++", gcc, "GPL-3.0-or-later WITH GCC-exception-3.1",
                         "Organization: Free Software Foundation")
    parser = argument_parser()
    # Swift's tasks, which bring libdispatch, are compiled out of libvial.
    inside = [runtime, lz4, sodium, cxx]
    command = [dispatch, *foundation, parser]
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", product) for product in products]
    for product in products:
        parts = inside + (command if product["name"] == "vial" else [])
        relations += [(product["SPDXID"], "STATIC_LINK", part) for part in parts]
    document = {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"vial-{version}",
        "documentNamespace": f"https://vial.invalid/spdx/{version}/{products[0]['checksums'][0]['checksumValue']}",
        "creationInfo": {"created": time_of_sources(), "creators": ["Tool: Vial make sbom", ours]},
        "packages": products + inside + command,
        "relationships": [
            {"spdxElementId": left, "relationshipType": kind, "relatedSpdxElement": right["SPDXID"]}
            for left, kind, right in relations
        ],
    }
    print(json.dumps(document, indent=1, ensure_ascii=True))


if __name__ == "__main__":
    main()
