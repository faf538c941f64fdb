# SPDX-License-Identifier: BSL-1.0
"""The table of the conformance matrix in docs/reliability.md, which the program that measures it prints.

usage: conformance_table.py DOCUMENT PROGRAM [--check]

Replaces what stands between the two markers, or with --check compares it.
"""
import pathlib
import subprocess
import sys

BEGIN = "<!-- conformance-table -->\n"
END = "<!-- end of conformance-table -->\n"


def main(arguments):
    check = "--check" in arguments
    document, program = (a for a in arguments if a != "--check")
    path = pathlib.Path(document)
    text = path.read_text(encoding="utf-8")
    table = subprocess.run([program, "--document"], stdout=subprocess.PIPE, text=True, check=True,
                           timeout=60).stdout
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        print(f"{document} has no place for the table: {BEGIN.strip()} ... {END.strip()}")
        return 1
    made = before + begin + "\n" + table + "\n" + end + after
    if made == text:
        print("coir-tests: 1 passed, 0 failed, 0 skipped")
        return 0
    if check:
        print(f"{document} is not up to date: ninja -C build conformance-table")
        print("coir-tests: 0 passed, 1 failed, 0 skipped")
        return 1
    path.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
