# SPDX-License-Identifier: BSL-1.0
"""The tables of bug classes and security promises in docs/reliability.md.

usage: reliability_table.py ROOT [--check]

What there is stands in tests/reliability.txt; the proofs are the test cases below tests/ that have the
number in their name. Replaces what stands between the two markers, or with --check compares it; fails
for a line without a proof or a reason, for a number that is not known, and for a file that is not there.
"""
import pathlib
import re
import sys
from collections import defaultdict

BEGIN = "<!-- reliability-table -->\n"
END = "<!-- end of reliability-table -->\n"
CASE = re.compile(r'(?:TEST_CASE|SCENARIO)\(\s*"([^"]+)"')
NUMBER = re.compile(r"(?<![\w.])[BS]\d{1,2}(?![\w.])")


def cases_below(folder):
    """number -> [(what the case says, file)]"""
    found = defaultdict(list)
    for path in sorted(folder.rglob("*_test.cpp")):
        for name in CASE.findall(path.read_text(encoding="utf-8")):
            for number in dict.fromkeys(NUMBER.findall(name)):
                found[number].append((plain(name), path))
    return found


def plain(name):
    """A case's name without its numbers."""
    head, colon, rest = name.partition(": ")
    text = rest if colon and re.fullmatch(r"[\w ,.]*\d[\w ,.]*", head) else name
    return re.sub(r": [BS]\d+$", "", text).replace("|", "\\|")


def rows_of(root, cases, problems):
    known = set()
    for line in (root / "tests/reliability.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            yield from (f"\n### {line[3:]}\n", "| | what goes wrong, or is promised | proof |", "|---|---|---|")
        elif line and not line.startswith("#"):
            number, text, *other = (part.strip() for part in line.split(" | "))
            known.add(number)
            proofs = [f"{name} (`{path.relative_to(root)}`)" for name, path in cases.get(number, [])]
            if other and other[0].startswith("see "):
                places, _, words = other[0][4:].partition(": ")
                for place in places.split():
                    if not (root / place).exists():
                        problems.append(f"{number}: there is no {place}")
                proofs.append(", ".join(f"`{place}`" for place in places.split()) + ": " + words)
            elif other:
                proofs.append("*" + other[0].replace("none: ", "no test: ", 1) + "*")
            if not proofs:
                problems.append(f"{number} has neither a test nor a reason")
            yield f"| {number} | {text} | " + "<br>".join(proofs) + " |"
    problems += [f"there is no {number}: {case[0][0]}" for number, case in cases.items()
                 if number not in known]


def main(arguments):
    check = "--check" in arguments
    root = pathlib.Path(next(a for a in arguments if a != "--check"))
    problems = []
    rows = list(rows_of(root, cases_below(root / "tests"), problems))
    path = root / "docs/reliability.md"
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    made = before + begin + "\n".join(rows) + "\n\n" + end + after
    if not begin or not end:
        problems.append(f"{path} has no place for the tables: {BEGIN.strip()} ... {END.strip()}")
    elif made != text and check:
        problems.append(f"{path} is not up to date: ninja -C build reliability-table")
    elif made != text:
        path.write_text(made, encoding="utf-8")
    for problem in problems:
        print(problem)
    print("coir-tests: 0 passed, 1 failed, 0 skipped" if problems else
          "coir-tests: 1 passed, 0 failed, 0 skipped")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
