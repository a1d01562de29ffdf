"""Laws of the house that no compiler checks; check_rules.py prints what they find, and fails.

A check is a function in CHECKS: it gets the repository's root and returns its findings, a line each."""
import json, re, subprocess

IMPORT = re.compile(
    r"^[ \t]*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+"
    r"(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)", re.M)


def targets(root):
    """Targets of Package.swift by name: their folder, and the names that they declare to import."""
    manifest = subprocess.run(
        ["swift", "package", "dump-package"], cwd=root, check=True, capture_output=True, text=True).stdout
    found = {}
    for target in json.loads(manifest)["targets"]:
        name = target["name"]
        folder = target.get("path") or ("Tests/" if target["type"] == "test" else "Sources/") + name
        declared = {(entry.get("byName") or entry.get("target") or entry.get("product"))[0]
                    for entry in target["dependencies"]}
        found[name] = (root / folder, declared)
    return found


def undeclared_imports(root):
    """Every import of a target must be declared for the target that imports it.

    SwiftPM's own check (--explicit-target-dependency-import-check) does not see C targets."""
    all_targets = targets(root)
    known = set(all_targets) | {name for _, declared in all_targets.values() for name in declared}
    findings = []
    for name, (folder, declared) in all_targets.items():
        for source in sorted(folder.rglob("*.swift")):
            imports = set(IMPORT.findall(source.read_text("utf-8"))) & known
            findings += [f"{source.relative_to(root)} imports {module}, which Package.swift does not declare for {name}"
                         for module in sorted(imports - declared - {name})]
    return findings


# Words that stood for several things, or hid the field's own (CONTRIBUTING.md, "Words"): no part of a name is one.
WORDS = {"place", "places", "room", "rooms", "news", "hope", "patience", "quantised"}
# Whole names that are gone.
NAMES = {
    "share", "AdaptedPlace", "AdaptedMatrix", "Announcements", "BitBudget", "BlockName", "DecoderWork", "EngineCore",
    "EngineText", "EngineWork", "FileDescriptor", "Guarded", "Interruption", "LinearRounding", "LinearTarget", "PatternPlaces", "PrefixNames",
    "PreparedInput", "PrivateInput", "ProjectionInput", "ThreadMark", "SharedBeginnings", "StorageFormat", "WeightEncoding", "giveWay",
    "m8sum", "mzsum",
}
# "In place" and "decimal places" are the field's.
ALLOWED = re.compile(r"[iI]nPlace|[dD]ecimalPlaces")
CODE_ONLY = re.compile(r'//.*|/\*.*?\*/|"""(?:.|\n)*?"""|"(?:\\.|[^"\\\n])*"', re.S)


def old_words(root):
    """Identifiers of Sources use the field's words."""
    findings = []
    for source in sorted((root / "Sources").rglob("*")):
        if source.suffix not in (".swift", ".c", ".h"): continue
        # `.*` of a line comment must not cross lines although block comments do.
        code = re.sub(r"//[^\n]*", "", source.read_text("utf-8"))
        code = CODE_ONLY.sub(" ", code)
        for name in sorted(set(re.findall(r"[A-Za-z_]\w*", code))):
            parts = {part.lower() for part in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", ALLOWED.sub("", name))}
            if name in NAMES or parts & WORDS:
                findings.append(f"{source.relative_to(root)}: the name {name} (see the words of CONTRIBUTING.md)")
    return findings


CHECKS = [undeclared_imports, old_words]


def problems(root):
    """What all checks find."""
    return [finding for check in CHECKS for finding in check(root)]
