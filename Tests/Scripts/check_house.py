"""Laws of the house that no compiler checks; check_rules.py prints what they find, and fails.

A check is a function in CHECKS: it gets the repository's root and returns its findings, a line each."""
import itertools, json, re, subprocess

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


# Words that stood for several things, or hid the field's own (CONTRIBUTING.md, "Glossary"): no part of a name is one.
WORDS = {"place", "places", "room", "rooms", "news", "hope", "patience", "quantised", "licence"}
# Spellings of identifiers are American (comments need not be).
BRITISH = re.compile(
    r"(?:initial|normal|serial|recogn|token|quant|summar|organ|synchron|minim|maxim|general|special)is(?:e|ing|ation)"
    r"|optimis(?:e|ing|ation)|behaviour|colour|favour|honour|neighbour|centre|labell|catalogue|licence", re.I)
# Whole names that are gone.
NAMES = {
    "share", "AdaptedPlace", "AdaptedMatrix", "Announcements", "BitBudget", "BlockName", "DecoderWork", "EngineCore",
    "EngineText", "EngineWork", "FileDescriptor", "Guarded", "Interruption", "LinearRounding", "LinearTarget", "PatternPlaces", "PrefixNames",
    "PreparedInput", "PrivateInput", "ProjectionInput", "ThreadMark", "SharedBeginnings", "StorageFormat", "WeightEncoding", "giveWay",
    "applyLevels", "has_levels", "levelsOffset", "quantize_levels_row", "VIAL_DENSE_LEVELS",
    "m8sum", "mzsum",
}
# "In place" and "decimal places" are the field's.
ALLOWED = re.compile(r"[iI]nPlace|[dD]ecimalPlaces")
CODE_ONLY = re.compile(r'//.*|/\*.*?\*/|"""(?:.|\n)*?"""|"(?:\\.|[^"\\\n])*"', re.S)


def old_words(root):
    """Identifiers of Sources use the field's words, in American spelling."""
    findings = []
    for source in sorted((root / "Sources").rglob("*")):
        if source.suffix not in (".swift", ".c", ".h"): continue
        # `.*` of a line comment must not cross lines although block comments do.
        code = re.sub(r"//[^\n]*", "", source.read_text("utf-8"))
        code = CODE_ONLY.sub(" ", code)
        for name in sorted(set(re.findall(r"[A-Za-z_]\w*", code))):
            parts = {part.lower() for part in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", ALLOWED.sub("", name))}
            if name in NAMES or parts & WORDS:
                findings.append(f"{source.relative_to(root)}: the name {name} (see the glossary of CONTRIBUTING.md)")
            if BRITISH.search(name): findings.append(f"{source.relative_to(root)}: {name} has no American spelling")
    return findings


# Folders of Sources whose files were written by a tool.
GENERATED = {"VialText/Generated"}


def hand_written(root):
    """Swift and C files of Sources that people wrote, (path, lines) each."""
    sources = root / "Sources"
    for path in sorted(sources.rglob("*")):
        folders = {folder.as_posix() for folder in path.relative_to(sources).parents}
        if path.suffix in (".swift", ".c", ".h") and not folders & GENERATED:
            yield path.relative_to(root), path.read_text("utf-8").split("\n")


def leading_comment(lines):
    """Lines of the comment that a file begins with; documentation of a declaration is none."""
    return list(itertools.takewhile(lambda line: re.match(r"//(?!/)", line), lines))


def file_headers(root):
    """A file begins with what it owns and must not do, and where there is one its source, a line or more each."""
    findings = []
    for path, lines in hand_written(root):
        header = leading_comment(lines)
        fields = re.findall(r"^// (Owns|Must not|Source): \S", "\n".join(header), re.M)
        is_clean = not any(re.search(r"\S (Owns|Must not|Source):|\bImplements:? Spec/|\bSpec: ", line[3:])
                           for line in header)
        in_order = fields == ["Owns", "Must not"] + ["Source"] * (len(fields) - 2)
        if not (lines[0].startswith("// Owns: ") and in_order and is_clean):
            findings.append(f"{path} must begin with `// Owns: `, `// Must not: ` and, where there is one, `// Source: `, "
                            "each on a line of its own, in this order")
    return findings


def header_sources(root):
    """A source that is a page of Spec is there, and so are the headings that are named behind it."""
    findings = []
    for path, lines in hand_written(root):
        for source in re.findall(r"^// Source: (Spec/.*)$", "\n".join(leading_comment(lines)), re.M):
            for page, quoted in re.findall(r"Spec/(\w+\.md)([^;]*)", source):
                file = root / "Spec" / page
                headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.M) if file.exists() else []
                findings += [f"{path}: Spec/{page} has no heading {name}"
                             for name in re.findall(r'"([^"]+)"', quoted) if name not in headings]
                if not file.exists(): findings.append(f"{path}: there is no Spec/{page}")
    return findings


def comment_columns(root):
    """A line that is a comment has at most 100 characters."""
    return [f"{path}:{number} is a comment of {len(line)} characters; 100 are the most"
            for path, lines in hand_written(root) for number, line in enumerate(lines, 1)
            if len(line) > 100 and line.lstrip().startswith(("//", "/*", "* ", "*/"))]


# What may be longer than LINE_LIMIT: kernels, headers that are manuals, specifications, tables written by a tool.
LONG = ("Include/", "Spec/", "Sources/CVialKernels/", "Sources/VialText/Generated/", "Tests/ABI/vial-0.1.h")
LINE_LIMIT = 400
# Files without an ending are scripts.
CODE = {".swift", ".c", ".h", ".cpp", ".py", ".sh", ""}


def file_lengths(root):
    """A file of code has at most LINE_LIMIT lines."""
    tracked = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root,
                             check=True, capture_output=True).stdout.decode().split("\0")
    findings = []
    for name in sorted(filter(None, tracked)):
        path = root / name
        if name.startswith(LONG) or path.suffix not in CODE or not path.is_file(): continue
        try: count = path.read_bytes().decode("utf-8").count("\n")
        except UnicodeDecodeError: continue
        if count > LINE_LIMIT: findings.append(f"{name} has {count} lines; {LINE_LIMIT} are the most")
    return findings


CHECKS = [undeclared_imports, old_words, file_headers, header_sources, comment_columns, file_lengths]


def problems(root):
    """What all checks find."""
    return [finding for check in CHECKS for finding in check(root)]
