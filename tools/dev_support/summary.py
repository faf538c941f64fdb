# SPDX-License-Identifier: BSL-1.0
"""Adds up Meson's test log: prints "N passed, N failed, N skipped" and exits 1 for a failure.

A test program of coir's says how many of its cases passed ("coir-tests: 3 passed, ..."); any other
program counts as one. A program that crashed or hung counts as one failure in any case. What went
wrong is printed to stderr.
"""
import json
import re
import sys

COUNTS = re.compile(r"^coir-tests: (\d+) passed, (\d+) failed, (\d+) skipped$", re.MULTILINE)
REASON = re.compile(r"^skipped: .*$", re.MULTILINE)


def main(path):
    total = [0, 0, 0]
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            test = json.loads(line)
            output = test.get("stdout", "") or ""
            found = COUNTS.search(output)
            counts = [int(number) for number in found.groups()] if found else unfinished(output)
            result = test["result"]
            if result in ("OK", "EXPECTEDFAIL"):
                counts = counts or [1, 0, 0]
            elif result == "SKIP":
                counts = counts or [0, 0, 1]
            else:
                counts = counts or [0, 1, 0]
                counts[1] = max(counts[1], 1)
                report(test, result, output)
            for reason in REASON.findall(output):
                print(f"{short_name(test)}: {reason}", file=sys.stderr)
            total = [a + b for a, b in zip(total, counts)]
    print("{} passed, {} failed, {} skipped".format(*total))
    if sum(total) == 0:
        print("no test was run", file=sys.stderr)
    return 1 if total[1] > 0 or sum(total) == 0 else 0


def unfinished(output):
    """The counts of a program that crashed or hung in the last case that it named."""
    started = len(re.findall(r"^run: ", output, re.MULTILINE))
    if started == 0:
        return None
    failed = len(re.findall(r"^failed: ", output, re.MULTILINE))
    skipped = len(re.findall(r"^skipped: ", output, re.MULTILINE))
    return [max(started - 1 - failed - skipped, 0), failed + 1, skipped]


def short_name(test):
    return test["name"].split(" / ")[-1]


def report(test, result, output):
    print(f"---- {short_name(test)}: {result}, exit status {test.get('returncode')}",
          file=sys.stderr)
    # Of a program that names its cases, those that failed; the last one, too, if it never ended.
    cases = re.split(r"^(?=run: )", output, flags=re.MULTILINE)[1:]
    kept = [case for case in cases if re.search(r"^failed: ", case, re.MULTILINE)]
    if cases and not COUNTS.search(output):
        kept.append(cases[-1])
    text = ("".join(kept) or output).rstrip().splitlines()
    text += (test.get("stderr") or "").rstrip().splitlines()
    for line in text[:60] + ["..."] * (len(text) > 120) + text[60:][-60:]:
        print("    " + line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
