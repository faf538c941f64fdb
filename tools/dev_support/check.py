# SPDX-License-Identifier: BSL-1.0
"""The rules of this tree that no compiler checks: `tools/dev check`.

usage: check.py ROOT BUILD_DIRECTORY

Prints one line per rule that is broken and place where it is, then "N passed, N failed, N skipped".
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

root = pathlib.Path(sys.argv[1])
build = pathlib.Path(sys.argv[2])

CODE = {".hpp", ".cpp", ".h", ".c"}
LIBRARY = ("include", "runtime", "reactors")
MOST_LINES = 600
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]
CXX_WARNINGS = ["-Wnon-virtual-dtor", "-Wold-style-cast"]

# System headers of POSIX and Linux whose types may appear in public headers.
PUBLIC_SYSTEM = re.compile(
    r"(sys/(socket|uio|types|stat|syscall|un|wait|time|select)|netinet/[a-z]+|arpa/inet|netdb|poll|unistd|"
    r"fcntl|signal|time|errno|stddef|stdint|stdbool|stdio|pthread|semaphore|dirent|sched)\.h")

# What libcoir must do through Sys and never through libc, where an interposer would meet it.
SYS_ONLY = (
    "socket socketpair bind listen accept accept4 connect shutdown getsockname getpeername "
    "getsockopt setsockopt recv recvfrom recvmsg recvmmsg send sendto sendmsg sendmmsg read readv "
    "pread preadv write writev pwrite pwritev open openat close fsync fdatasync statx poll ppoll "
    "select pselect epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd "
    "timerfd_create timerfd_settime signalfd pipe pipe2 splice sendfile nanosleep clock_nanosleep "
    "usleep sleep getrandom io_uring_setup io_uring_enter io_uring_register").split()
LIBC_CALL = re.compile(r"(?<![\w>:])::(" + "|".join(SYS_ONLY) + r")\s*\(")
# Writing a log line or a crash report to stderr is no I/O of a task.
STDERR = re.compile(r"::write\s*\(\s*STDERR_FILENO")
SYS_EXEMPT = ("runtime/sys.cpp", "runtime/legacy/")

results = {"passed": 0, "failed": 0, "skipped": 0}


def rule(name, problems):
    results["failed" if problems else "passed"] += 1
    for problem in problems:
        print(f"{name}: {problem}")


def skip(name, reason):
    results["skipped"] += 1
    print(f"skipped: {name}: {reason}")


def files(*folders, kinds=CODE):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in kinds and path.is_file():
                yield path


def name_of(path):
    return path.relative_to(root).as_posix()


def text_of(path):
    return path.read_text(encoding="utf-8", errors="replace")


def code_of(path):
    """The text without comments; line numbers stay."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text_of(path), flags=re.S)
    return re.sub(r"//[^\n]*", "", text)


def lines_with(path, pattern):
    for number, line in enumerate(code_of(path).splitlines(), 1):
        for match in re.finditer(pattern, line):
            yield number, line, match


def includes(path):
    for number, _, match in lines_with(path, r'^\s*#\s*include\s*([<"])([^>"]+)[>"]'):
        yield number, match.group(1) == "<", match.group(2)


def includers(pattern, *folders):
    return sorted({name_of(path) for path in files(*folders)
                   for _, _, header in includes(path) if re.match(pattern, header)})


def check_layering():
    problems = []
    for path in files("include", "reactors"):
        for number, angle, header in includes(path):
            target = (path.parent / header).resolve()
            inside = not angle and target.is_relative_to(root / "runtime")
            if inside or header.startswith("runtime/"):
                problems.append(f"{name_of(path)}:{number} includes {header}")
    rule("reactors/ and include/ never include runtime/", problems)

    problems = []
    for path in files("runtime"):
        for number, _, header in includes(path):
            if "reactors/" in header and not header.endswith("reactors/registry.hpp"):
                problems.append(f"{name_of(path)}:{number} includes {header}")
    rule("runtime/ reaches reactors/ through the registry only", problems)


def check_third_party():
    problems = []
    for path in files("include"):
        if "interop" in path.parts:
            continue  # these exist to meet a third party
        for number, angle, header in includes(path):
            if not angle:
                if not (path.parent / header).exists():
                    problems.append(f"{name_of(path)}:{number} includes \"{header}\"")
            elif not (header.startswith("coir/") or re.fullmatch(r"[a-z_]+", header)
                      or PUBLIC_SYSTEM.fullmatch(header)):
                problems.append(f"{name_of(path)}:{number} includes <{header}>")
    rule("no third-party header in include/", problems)

    found = includers(r"boost/context/", *LIBRARY, "tools")
    rule("exactly one file includes Boost.Context",
         [] if len(found) == 1 else [", ".join(found) or "none does"])
    found = includers(r"liburing", *LIBRARY, "tools")
    rule("liburing is known to reactors/io_uring* only",
         [name for name in found if not name.startswith("reactors/io_uring")])
    found = includers(r"CLI/", *LIBRARY, "tools")
    rule("CLI11 is known to one file of tools/",
         [] if len(found) <= 1 and all(n.startswith("tools/") for n in found) else found)


def check_system_calls():
    problems = []
    for path in files("runtime", "reactors"):
        if name_of(path).startswith(SYS_EXEMPT):
            continue
        for number, line, match in lines_with(path, LIBC_CALL):
            if not STDERR.search(line):
                problems.append(f"{name_of(path)}:{number} calls {match.group(1)}")
        for number, _, match in lines_with(path, r"(steady|system|high_resolution)_clock::now"):
            problems.append(f"{name_of(path)}:{number} reads {match.group()}")
    rule("runtime/ and reactors/ make system calls and read clocks through Sys", problems)


def check_files():
    folders = (*LIBRARY, "tools", "tests", "bench", "examples")
    problems = [f"{name_of(path)}: {count} lines, {MOST_LINES} are allowed"
                for path in files(*folders, kinds=CODE | {".py", ".sh"})
                if (count := len(text_of(path).splitlines())) > MOST_LINES]
    rule("no file is too long", problems)

    problems = [name_of(path)
                for path in files(*folders, kinds=CODE | {".py", ".sh"})
                if "SPDX-License-Identifier: BSL-1.0" not in "".join(text_of(path).splitlines()[:2])]
    rule("every file names its licence in its first line", problems)


def check_quotations():
    """A fenced C++ block of the README follows `<!-- quote: FILE -->` and is found in that file."""
    problems = []
    for document in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        if not document.exists():
            problems.append(f"{name_of(document)} is missing")
            continue
        lines = text_of(document).splitlines()
        for at, line in enumerate(lines):
            mark = re.fullmatch(r"<!-- quote: (\S+) -->", lines[at - 1]) if at else None
            if not line.startswith("```") or not (mark or line == "```cpp"):
                continue
            place = f"{name_of(document)}:{at + 1}"
            if not mark:
                if document.name == "README.md":
                    problems.append(f"{place}: a C++ block without <!-- quote: FILE --> above it")
                continue
            end = next(i for i in range(at + 1, len(lines)) if lines[i].startswith("```"))
            quoted = "\n" + "\n".join(lines[at + 1:end]) + "\n"
            source = root / mark.group(1)
            if not source.exists():
                problems.append(f"{place}: {mark.group(1)} does not exist")
            elif quoted not in "\n" + text_of(source):
                problems.append(f"{place}: differs from {mark.group(1)}")
    rule("quotations equal the files that they quote", problems)


def check_environment():
    # Names in string literals: what the sources read.
    read = {match.group(1) for path in files("runtime", "reactors", "tools")
            for _, _, match in lines_with(path, r'"(COIR_[A-Z]+)"')}
    table = root / "docs/environment.md"
    documented = set()
    if table.exists():
        documented = set(re.findall(r"^\| `(COIR_[A-Z]+)`", text_of(table), re.M))
    rule("docs/environment.md lists the variables that are read, and no others",
         [f"{name} is read, but not documented" for name in sorted(read - documented)] +
         [f"{name} is documented, but never read" for name in sorted(documented - read)])


def compile_alone(command, header, language):
    source = f"#include <{header}>\n"
    done = subprocess.run([*command, "-fsyntax-only", "-x", language, "-"], input=source, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout


def check_headers():
    include = root / "include"
    headers = [path.relative_to(include).as_posix() for path in files("include")]
    headers.append("coir/version.hpp")  # generated
    paths = ["-I", str(include), "-I", str(build / "include")]
    for compiler in ("g++", "clang++"):
        if not shutil.which(compiler):
            skip(f"headers compile alone with {compiler}", "it is not installed")
            continue
        jobs = []
        for header in headers:
            command = [compiler, "-std=c++20", *WARNINGS, *CXX_WARNINGS, *paths]
            jobs.append((header, command, "c++"))
            if header.endswith(".h"):
                plain = "gcc" if compiler == "g++" else "clang"
                jobs.append((header, [plain, "-std=c99", *WARNINGS, *paths], "c"))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            outcomes = list(pool.map(lambda job: compile_alone(job[1], job[0], job[2]), jobs))
        problems = []
        for (header, _, language), (status, output) in zip(jobs, outcomes):
            absent = re.search(r"fatal error: '?([\w/.+-]+)'?(: No such| file not found)", output)
            needs = re.search(r'error: "?(<coir/interop/.* needs [^"]*)', output)  # an #error of its own
            if status and "/interop/" in header and (absent or needs):
                skip(f"{header} compiles alone with {compiler}",
                     needs.group(1) if needs else f"no <{absent.group(1)}> here")
            elif status:
                first = [line for line in output.splitlines() if "error" in line][:3]
                problems.append(f"{header} ({language}): " + " | ".join(first))
        rule(f"headers compile alone with {compiler}", problems)


def compile_commands():
    with open(build / "compile_commands.json", encoding="utf-8") as file:
        return json.load(file)


def check_grouped_names():
    # The libraries are compiled several files at a time, and which files meet changes with every
    # new one: so that all can, each library is compiled as one here.
    libraries = {}
    for entry in compile_commands():
        folder = pathlib.Path(entry["output"]).parent
        unity = build / folder / pathlib.Path(entry["file"]).name
        if "-unity" in unity.name and unity.exists():
            libraries.setdefault(folder, []).append((unity, entry["command"]))
    if not libraries:
        skip("the files of a library can be compiled together", "this build has single files")
        return
    problems = []
    for folder, units in libraries.items():
        words = shlex.split(units[0][1])
        end = words.index("-MD")
        command = [word for word in words[:end] if word != "ccache"]
        source = "".join(f'#include "{unity}"\n' for unity, _ in units)
        done = subprocess.run([*command, "-fsyntax-only", "-x", "c++", "-"], input=source, text=True,
                              cwd=build, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            first = [line for line in done.stdout.splitlines() if "error" in line][:3]
            problems.append(f"{folder}: " + " | ".join(first))
    rule("the files of a library can be compiled together", problems)


check_layering()
check_third_party()
check_system_calls()
check_files()
check_quotations()
check_environment()
check_headers()
check_grouped_names()
print("{passed} passed, {failed} failed, {skipped} skipped".format(**results))
sys.exit(1 if results["failed"] else 0)
