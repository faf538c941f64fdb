# SPDX-License-Identifier: BSL-1.0
"""Runs one real client against real servers: one after another, with native threads, and with tasks
on one thread, on every reactor, linked with libcoir-legacy and with the library preloaded.

    run_client.py --servers postgresql,nginx --linked PROGRAM --plain PROGRAM --preload LIBRARY \
                  [--serial 5] [--pool 0] [--target SECONDS] [--only epoll] [--strict] [-- ARGUMENTS]

Prints a line of JSON per run. Fails for a failed call, for a result that is not the serial run's,
for more kernel threads than one and the stated pool, and when the calls were not served at once: neither in less than a
fifth of the time of a serial run, nor about as fast as with native threads. With --strict, or COIR_CLIENTS_STRICT=1, the time has
to be below the target too, in the best of three runs: for machines that do nothing else.
Exit status 77: a server is not installed.
"""
import argparse
import json
import os
import signal
import subprocess
import sys

from servers import Missing, Servers

RUN_SECONDS = 40


def parse():
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser()
    parser.add_argument("--servers", default="")
    parser.add_argument("--linked", required=True)
    parser.add_argument("--plain", required=True)
    parser.add_argument("--preload", required=True)
    parser.add_argument("--serial", type=int, default=5)
    parser.add_argument("--pool", type=int, default=0)
    parser.add_argument("--target", type=float, default=0)
    parser.add_argument("--quick", action="store_true",
                        help="the calls take so little time that one by one is as good")
    parser.add_argument("--only")
    parser.add_argument("--strict", action="store_true",
                        default=os.environ.get("COIR_CLIENTS_STRICT") == "1")
    options = parser.parse_args(words[:split])
    options.arguments = words[split + 1:]
    return options


class Runner:
    def __init__(self, options, environment):
        self.options = options
        self.environment = environment
        self.failures = []

    def run(self, mode, delivery="linked", reactor=None):
        program = self.options.linked if delivery == "linked" else self.options.plain
        environment = {**os.environ, **self.environment}
        if delivery == "preload":
            environment["LD_PRELOAD"] = self.options.preload
        command = [program, mode, "--head", str(self.options.serial), *self.options.arguments]
        if mode == "serial":
            command += ["--count", str(self.options.serial)]
        if reactor:
            command += ["--reactor", reactor]
        try:
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True,
                                  timeout=RUN_SECONDS)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{' '.join(command)} did not end") from None
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}")
        figures = json.loads(done.stdout)
        figures["delivery"] = delivery if mode == "tasks" else "-"
        return figures

    def expect(self, condition, what, figures):
        if not condition:
            self.failures.append(f"{what}: {figures['mode']} {figures['delivery']} "
                                 f"{figures['reactor']}")

    def check(self, figures, serial, threads=None):
        self.expect(figures["failures"] == 0, "calls failed", figures)
        self.expect(figures["head"] == serial["head"], "other results than one by one", figures)
        if figures["mode"] != "tasks":
            return
        self.expect(figures["threads"] <= 1 + self.options.pool, "too many threads", figures)
        one_by_one = serial["seconds"] / serial["count"] * figures["count"]
        figures["times_serial"] = round(one_by_one / figures["seconds"], 1)
        if self.options.quick:
            return
        at_once = max(one_by_one / 5, 1.5 * threads["seconds"])
        self.expect(figures["seconds"] < at_once, "not at once", figures)

    def run_best(self, *arguments):
        """The quickest of three when the time matters, else the first."""
        runs = [self.run(*arguments) for _ in range(3 if self.options.strict else 1)]
        return min(runs, key=lambda figures: (figures["failures"], figures["seconds"]))

    def run_all(self):
        serial = self.run("serial")
        self.check(serial, serial)
        print(json.dumps(serial), flush=True)
        threads = self.run_best("threads")
        self.check(threads, serial)
        print(json.dumps(threads), flush=True)
        reactors = [self.options.only] if self.options.only else ["epoll", "io_uring", "poll"]
        for delivery in ("linked", "preload"):
            for reactor in reactors:
                figures = self.run_best("tasks", delivery, reactor)
                self.check(figures, serial, threads)
                figures["times_cpu_of_threads"] = round(figures["cpu"] / max(threads["cpu"], 1e-3), 2)
                if self.options.target:
                    figures["target"] = self.options.target
                    if self.options.strict:
                        self.expect(figures["seconds"] <= self.options.target, "too slow", figures)
                print(json.dumps(figures), flush=True)


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: the servers are stopped
    names = [name for name in options.servers.split(",") if name]
    try:
        with Servers(names) as servers:
            runner = Runner(options, servers.environment)
            runner.run_all()
    except Missing as missing:
        print(f"skipped: {missing} is not installed")
        return 77
    for failure in runner.failures:
        print("FAILED", failure)
    return 1 if runner.failures else 0


if __name__ == "__main__":
    sys.exit(main())
