# SPDX-License-Identifier: BSL-1.0
"""Runs an example against real servers that are started for it, and compares what it prints.

    with_servers.py --servers postgresql,redis --expected FILE -- PROGRAM ARGUMENT...

{NAME} in an argument stands for an environment variable that the servers set, as COIR_REDIS_PORT.
Exit status 77: a server is not installed, which COIR_CLIENTS_REQUIRED=1 makes a failure.
"""
import argparse
import os
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent.parent / "tests/legacy/clients"))
from servers import Missing, Servers  # noqa: E402


def run(options, environment):
    program = [word.format_map({**os.environ, **environment}) for word in options.program]
    done = subprocess.run(program, env={**os.environ, **environment}, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    expected = pathlib.Path(options.expected).read_text()
    print(done.stdout, end="")
    if done.returncode == 0 and done.stdout == expected:
        return 0
    print(f"--- exit status {done.returncode}; expected: {expected}", end="")
    return 1


def main():
    split = sys.argv.index("--")
    parser = argparse.ArgumentParser()
    parser.add_argument("--servers", default="")
    parser.add_argument("--expected", required=True)
    options = parser.parse_args(sys.argv[1:split])
    options.program = sys.argv[split + 1:]
    try:
        with Servers([name for name in options.servers.split(",") if name]) as servers:
            return run(options, servers.environment)
    except Missing as missing:
        print(f"skipped: {missing} is not installed")
        return 1 if os.environ.get("COIR_CLIENTS_REQUIRED") == "1" else 77


if __name__ == "__main__":
    sys.exit(main())
