# SPDX-License-Identifier: BSL-1.0
"""S2, S3, S15 and S16: how what is shipped was built.

usage: hardening_test.py FILE...

Reads ELF files with readelf and objdump (binutils).
"""
import re
import subprocess
import sys


def output_of(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def problems_of(path):
    header = output_of("readelf", "-hW", path)
    segments = output_of("readelf", "-lW", path)
    dynamic = output_of("readelf", "-dW", path)
    symbols = output_of("readelf", "-sW", "--dyn-syms", path)
    notes = output_of("readelf", "-nW", path)
    if not re.search(r"Type:\s+DYN", header):
        yield "S15: it is not position independent"
    if "GNU_RELRO" not in segments or not re.search(r"BIND_NOW|Flags:.*NOW", dynamic):
        yield "S15: its relocations stay writable (no full RELRO)"
    if "TEXTREL" in dynamic:
        yield "S15: it has relocations in its code"
    if "__stack_chk_fail" not in symbols:
        yield "S15: no function has a stack protector"
    if re.search(r"GNU_STACK.*\bRWE\b", segments) or "GNU_STACK" not in segments:
        yield "S3: its stack is executable"
    if re.search(r"LOAD.*\bRWE\b", segments):
        yield "S3: a segment is writable and executable"
    if "SHSTK" in notes:
        yield "S16: it claims to work with shadow stacks"


def has_fortified_calls(path):
    return re.search(r"__\w+_chk@", output_of("readelf", "-W", "--dyn-syms", path)) is not None


def probes_large_frames(path):
    code = output_of("objdump", "-d", "--no-show-raw-insn", path)
    by_gcc = r"\borq?\s+\$0x0,(0x[0-9a-f]+)?\(%rsp\)"
    by_clang = r"\bsub\s+\$0x1000,%rsp\n.*\bmovq\s+\$0x0,\(%rsp\)"
    return re.search(f"{by_gcc}|{by_clang}", code) is not None


def main(files):
    problems = [f"{path}: {problem}" for path in files for problem in problems_of(path)]
    if not any(has_fortified_calls(path) for path in files):
        problems.append("S15: no fortified call of libc in any of them")
    library = next(path for path in files if "libcoir.so" in path)
    if not probes_large_frames(library):
        problems.append(f"S2: {library} has no probe of a large frame (-fstack-clash-protection)")
    for problem in problems:
        print(problem)
    print(f"coir-tests: {0 if problems else 1} passed, {1 if problems else 0} failed, 0 skipped")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
