# SPDX-License-Identifier: BSL-1.0
"""docs/semantics.md: every rule of coir's behaviour, and the tests that prove it.

usage: semantics_table.py RULES DOCUMENT [--check] PROGRAM=WHERE...

RULES is tests/semantics/rules.txt. The tests are what the programs list: a case whose name begins
with "rule 192, D23:" proves rule 192 and decision D23. WHERE says what the program runs on. Writes
DOCUMENT, or with --check compares it; fails for rules without a test and tests without a rule.
"""
import pathlib
import re
import subprocess
import sys
from collections import defaultdict

HEAD = """\
# What coir promises, rule by rule

Made by `ninja -C build semantics-table` from `tests/semantics/rules.txt` and the list of test cases; do not edit.

Rules 1 to 360 are what asyncio and libuv do, in coir's form; D1 to D40 are what coir decides differently, or on top, because
its tasks are fibers and its language is C++. Each rule is proved by the test cases beside it, whose names begin with its
number: `build/tests/semantics-tests 'rule 192*'` runs those of one rule. *Virtual time* means that the case runs on the
simulated reactor, where sleeping costs nothing; *each reactor* that it runs on epoll, io_uring, poll, on the simulator
with real descriptors, and on the example of a reactor of one's own; *the library inside* that it looks at internals.

"""


def read_rules(path):
    """Yields (section, None, None, None) and (None, number, text, reason)."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            yield line[3:], None, None, None
        elif line and not line.startswith("#"):
            number, text, *reason = (part.strip() for part in line.split(" | "))
            yield None, number, text, reason[0] if reason else None


def cases_of(program):
    # Catch2 exits with the number of cases.
    listing = subprocess.run([program, "--list-test-names-only"], stdout=subprocess.PIPE,
                             stdin=subprocess.DEVNULL, text=True, check=False, timeout=60)
    return [line.strip() for line in listing.stdout.splitlines() if line.strip()]


def numbers_of(case):
    """The rules that a case names: the numbers before its first colon."""
    head = re.sub(r"api\.md \S+", "", case.partition(":")[0])
    if not re.match(r"rules? \d|D\d", head):
        return []
    return re.findall(r"(?<![\w.])D?\d+(?![\w.])", head)


def table(rules, cases):
    rows, missing, tested, excused = [], [], 0, 0
    for section, number, text, reason in rules:
        if section:
            rows += [f"\n## {section}\n", "| rule | what holds | test | runs on |", "|---|---|---|---|"]
            continue
        found = cases.get(number, [])
        if found:
            tested += 1
            where = ", ".join(sorted({place for _, place in found}))
            tests = "<br>".join(name.partition(": ")[2].replace("|", "\\|") for name, _ in found)
            rows.append(f"| {number} | {text} | {tests} | {where} |")
        elif reason:
            excused += 1
            rows.append(f"| {number} | {text} | *does not apply:* {reason} | |")
        else:
            missing.append(number)
            rows.append(f"| {number} | {text} | **no test** | |")
    count = f"{tested} rules are tested, {excused} do not apply, {len(missing)} have no test.\n"
    return HEAD + count + "\n".join(rows) + "\n", missing


def main(arguments):
    check = "--check" in arguments
    rules_path, document, *programs = (a for a in arguments if a != "--check")
    rules = list(read_rules(pathlib.Path(rules_path)))
    known = {number for _, number, _, _ in rules if number}
    cases = defaultdict(list)
    problems = []
    for program in programs:
        program, where = program.split("=", 1)
        for case in cases_of(program):
            for number in numbers_of(case):
                cases[number].append((case, where))
                if number not in known:
                    problems.append(f"there is no rule {number}: {case}")
    text, missing = table(rules, cases)
    document = pathlib.Path(document)
    if not check:
        document.write_text(text, encoding="utf-8")
    elif not document.exists() or document.read_text(encoding="utf-8") != text:
        problems.append(f"{document} is not up to date: run ninja -C build semantics-table")
    if missing:
        problems.append("rules without a test: " + ", ".join(missing))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


sys.exit(main(sys.argv[1:]))
