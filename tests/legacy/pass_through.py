# SPDX-License-Identifier: BSL-1.0
"""Programs without tasks do not notice libcoir-legacy: runs CPython's own tests of sockets, threads
and subprocesses, and a shell script of pipes and jobs, with and without the library preloaded, and
compares what each of their cases came to.

    pass_through.py PRELOAD_LIBRARY [--python /usr/bin/python3] [--seconds 600] [TEST ...]

Exit status 77: this Python has no tests (Debian: libpython3.11-testsuite).
"""
import argparse
import collections
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

TESTS = ["test_socket", "test_threading", "test_subprocess"]
# Sockets between virtual machines: they wait for a host that may have none.
IGNORED = "*VSOCK*"
SCRIPT = r"""
set -u
for i in 1 2 3; do (sleep 0.1; echo "job $i") & done
wait
seq 1 20000 | sort -r | head -n 3
trap 'echo caught' TERM; kill -TERM $$
read -r -t 0.1 line < <(sleep 1); echo "read: $?"
cat <<<"here" | tr a-z A-Z
(exit 7); echo "status: $?"
"""


def environment(preload):
    made = {**os.environ, "LC_ALL": "C"}
    made.pop("LD_PRELOAD", None)
    if preload:
        made["LD_PRELOAD"] = preload
    return made


def run_tests(options, test, preload):
    """The cases' outcomes, or the reason why there are none."""
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.xml")
        command = [options.python, "-m", "test", "-i", IGNORED, "--junit-xml", report, test]
        try:
            done = subprocess.run(command, env=environment(preload), cwd=folder, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=options.seconds)
        except subprocess.TimeoutExpired:
            return f"did not end within {options.seconds} s"
        if not os.path.exists(report):
            return done.stdout[-2000:]
        return outcomes_of(report)


def outcomes_of(report):
    outcomes = {}
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        outcomes[case.get("name")] = next(iter(kinds), "passed")
    return outcomes


def compare(test, options):
    native = run_tests(options, test, None)
    with_library = run_tests(options, test, options.preload)
    for name, outcome in (("native", native), ("preloaded", with_library)):
        if isinstance(outcome, str):
            print(f"FAILED {test}, {name}: {outcome}")
            return False
    counts = collections.Counter(with_library.values())
    print(f"{test}: {len(with_library)} cases, {dict(counts)}")
    different = sorted(name for name in native.keys() | with_library.keys()
                       if native.get(name) != with_library.get(name))
    for name in different:
        print(f"FAILED {name}: {native.get(name)} natively, {with_library.get(name)} preloaded")
    return not different and counts["passed"] > 0


def compare_scripts(options):
    def output(preload):
        done = subprocess.run(["bash", "-c", SCRIPT], env=environment(preload), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=60)
        return done.returncode, sorted(done.stdout.splitlines())
    native, with_library = output(None), output(options.preload)
    if native != with_library:
        print(f"FAILED bash: {native} natively, {with_library} preloaded")
    return native == with_library


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("preload")
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    good = compare_scripts(options)
    has_tests = subprocess.run([options.python, "-c", "import test.test_socket"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if has_tests.returncode != 0:
        print(f"skipped: the tests of {options.python} are not installed (Debian: libpython3.X-testsuite)")
        return 77 if good else 1
    for test in options.tests or TESTS:
        good = compare(test, options) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
