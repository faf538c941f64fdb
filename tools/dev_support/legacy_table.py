#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Writes the table of replaced functions into docs/legacy.md, from the table that the library is
made of (runtime/legacy/symbols_*.hpp).

    legacy_table.py FOLDER_OF_THE_TABLE DOCUMENT [--check]

--check: exit 1 when the document is not up to date, and change nothing.
"""
import re
import sys
from pathlib import Path

BEGIN, END = "<!-- table of functions: begin -->\n", "<!-- table of functions: end -->\n"
ROW = re.compile(r"X\((\w+), (\w+), [^,]+,")
INNER = re.compile(r"X\((\w+), (\w+)\)")
# The words of COIR_LEGACY in the order of the document, and what belongs to every one.
WORDS = ["io", "sleep", "dns", "locks", "keys", "proc", "stdio", "files", "always"]
TITLES = {"stdio": "stdio (off by default)", "files": "files (off by default)"}


def listed(folder, name):
    """The entries X(a) of a macro in one of the folder's headers."""
    for header in folder.glob("*.hpp"):
        found = re.search(r"#define " + name + r"\(X\)((?:.*\\\n)*.*)", header.read_text())
        if found:
            return re.findall(r"X\((\w+)\)", found.group(1))
    raise SystemExit(f"legacy_table.py: no {name} in {folder}")


def inner_of(folder, name):
    """The entries X(a, b) of a macro of coverage.hpp."""
    line = re.search(r"define COIR_LEGACY_" + name + r"\(X\).*", (folder / "coverage.hpp").read_text())
    return dict(INNER.findall(line.group(0)))


def functions(folder):
    inner = inner_of(folder, "INNER_CATEGORIES")
    by_word = {word: [] for word in WORDS}
    for part in sorted(folder.glob("symbols_*.hpp")):
        for name, category in ROW.findall(part.read_text()):
            by_word[inner.get(category, category)].append(name)
    by_word["io"] += listed(folder, "COIR_LEGACY_VARIADIC_SYMBOLS")
    by_word["always"] += listed(folder, "COIR_LEGACY_HANDLER_SYMBOLS")
    return by_word


def table(folder):
    lines = ["| word of COIR_LEGACY | functions |\n", "|---|---|\n"]
    count = 0
    implied = {other: name for name, other in inner_of(folder, "IMPLIED_SYMBOLS").items()}
    for word, names in functions(folder).items():
        count += len(names)
        names = [f"{name} ({implied[name]} with it)" if name in implied else name for name in names]
        shown = " ".join(f"`{name}`" if name.startswith("_") else name for name in names)
        lines.append(f"| {TITLES.get(word, word)} | {shown} |\n")
    return f"{count} functions:\n\n" + "".join(lines)


def main(arguments):
    folder, document = (a for a in arguments if a != "--check")
    path = Path(document)
    text = path.read_text()
    if BEGIN not in text or END not in text:
        raise SystemExit(f"legacy_table.py: {document} has no place for the table")
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    made = head + BEGIN + table(Path(folder)) + END + tail
    if made == text:
        return 0
    if "--check" in arguments:
        print(f"{document} is not up to date: run ninja -C build legacy-table")
        return 1
    path.write_text(made)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
