# SPDX-License-Identifier: BSL-1.0
"""What a compiler has silently undone once, or may: that hot functions prefetch (GCC 12 had dropped all of it),
and that those of a message lie side by side, so that few pages of code are touched between two system calls.

usage: machine_code_test.py LIBRARY

Reads an optimised x86-64 library that has its symbols, with objdump (binutils).
"""
import re
import subprocess
import sys

# What each asks for: the next task's stack; eight lines of the frames that a completion wakes.
PREFETCHES = {"Scheduler::yield_now(": 1, "Scheduler::deliver(": 8}

OF_A_MESSAGE = ["StreamState::read_some(", "ByteStream::write_all(", "ReadinessReactor::begin(",
                "ReadinessReactor::send_now(", "ReadinessReactor::receive_now(",
                "ReadinessReactor::receive_first(", "EpollReactor::wait(", "Scheduler::deliver("]
MOST_BYTES = 16 * 1024


def functions_of(library):
    """-> {demangled name: (address, instructions)}, without the parts that compilers split off as cold"""
    text = subprocess.run(["objdump", "-d", "-C", "--no-show-raw-insn", library],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    found = {}
    for block in text.split("\n\n"):
        head = re.match(r"\s*([0-9a-f]+) <(.*)>:\n", block)
        if head and ".cold" not in head.group(2):
            found[head.group(2)] = (int(head.group(1), 16), block)
    return found


def one_of(functions, name):
    return next((found for full, found in functions.items() if "::" + name in full and "::sim::" not in full), None)


def main(library):
    functions = functions_of(library)
    problems = []
    wanted = sorted(set(PREFETCHES) | set(OF_A_MESSAGE))
    problems += [f"{name}...) is not there" for name in wanted if not one_of(functions, name)]
    if not problems:
        for name, least in PREFETCHES.items():
            count = len(re.findall(r"\bprefetch", one_of(functions, name)[1]))
            if count < least:
                problems.append(f"{name}...) has {count} prefetches, {least} are wanted")
        places = [one_of(functions, name)[0] for name in OF_A_MESSAGE]
        if max(places) - min(places) > MOST_BYTES:
            problems.append(f"the functions of a message lie {max(places) - min(places)} bytes apart, "
                            f"{MOST_BYTES} are allowed")
    for problem in problems:
        print(f"{library}: {problem}")
    print(f"coir-tests: {0 if problems else 1} passed, {1 if problems else 0} failed, 0 skipped")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
