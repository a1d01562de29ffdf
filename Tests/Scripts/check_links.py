#!/usr/bin/env python3
"""Every link of every Markdown file leads somewhere: to a file of the project, and to a heading of it.

Owns: links, reference links, anchors and `<doc:...>` of DocC. Must not: open the net: of what is outside it looks at
nothing. Prints a line for each link that leads nowhere; exit 1 when there is any."""
import pathlib
import re
import subprocess
import sys

FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.M | re.S)
INDENTED = re.compile(r"^(?: {4}|\t).*$", re.M)
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.S)
COMMENT = re.compile(r"<!--.*?-->", re.S)
INLINE = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(\s*<?([^()\s<>]+(?:\([^()\s]*\)[^()\s<>]*)*)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE = re.compile(r"^\[[^\]]+\]:\s+<?(\S+?)>?(?:\s+\"[^\"]*\")?\s*$", re.M)
DOC = re.compile(r"<doc:([^>#]+)(#[^>]+)?>")


def blanked(pattern, text):
    """The text with every match made of spaces, so that lines keep their numbers."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def prose(text):
    """What is read as Markdown: no code, no comments."""
    for pattern in (FENCE, COMMENT, CODE):
        text = blanked(pattern, text)
    # Indented text is code behind an empty line only; elsewhere it continues an item of a list.
    lines, before_is_code = text.split("\n"), False
    for index, line in enumerate(lines):
        is_code = bool(INDENTED.match(line)) and (before_is_code or index == 0 or not lines[index - 1].strip()) \
            and not in_list(lines, index)
        if is_code:
            lines[index] = ""
        before_is_code = is_code
    return "\n".join(lines)


def in_list(lines, index):
    """Whether the paragraph above an indented line is an item of a list."""
    above = index - 1
    while above >= 0 and (not lines[above].strip() or lines[above].startswith("    ")):
        above -= 1
    while above > 0 and lines[above].startswith(" "):
        above -= 1
    return above >= 0 and bool(re.match(r"\s*([-*+]|\d+[.)])\s", lines[above]))


def anchors(text):
    """The anchors of a page's headings, as GitHub makes them."""
    found, counts = set(), {}
    for heading in re.findall(r"^#{1,6}\s+(.*?)\s*#*$", blanked(COMMENT, blanked(FENCE, text)), re.M):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")
        number = counts.get(slug, -1) + 1
        counts[slug] = number
        found.add(slug if number == 0 else f"{slug}-{number}")
    return found


def links(text):
    """(line, target) of every link of a page."""
    plain = prose(text)
    for pattern in (INLINE, REFERENCE):
        for match in pattern.finditer(plain):
            yield plain.count("\n", 0, match.start()) + 1, match[1]


def trouble(root, page, target, pages):
    """What is wrong with a link; None when it leads somewhere."""
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return None
    path, _, anchor = target.partition("#")
    goal = (page.parent / path).resolve() if path else page.resolve()
    if not goal.is_relative_to(root) or not goal.exists():
        return "there is no such file"
    if anchor and goal.suffix == ".md":
        if goal not in pages:
            pages[goal] = anchors(goal.read_text("utf-8"))
        if anchor not in pages[goal]:
            return "the page has no such heading"
    return None


def problems(root):
    tracked = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"], cwd=root,
                             check=True, capture_output=True).stdout.decode().split("\0")
    files = [root / name for name in sorted(filter(None, tracked)) if (root / name).is_file()]
    articles, pages, count = {path.stem for path in files}, {}, 0
    for page in files:
        text = page.read_text("utf-8")
        for line, target in links(text):
            count += 1
            what = trouble(root, page, target, pages)
            if what:
                yield f"{page.relative_to(root)}:{line}: {target}: {what}"
        for match in DOC.finditer(prose(text)):
            count += 1
            if match[1].rsplit("/", 1)[-1] not in articles:
                yield f"{page.relative_to(root)}: <doc:{match[1]}>: there is no such page"
    if count < 100:
        yield f"only {count} links were found: this script does not see them"


def main():
    found = list(problems(pathlib.Path(__file__).resolve().parents[2]))
    print(*found, sep="\n", end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
