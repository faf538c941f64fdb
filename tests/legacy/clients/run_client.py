# SPDX-License-Identifier: BSL-1.0
"""Runs one real client against real servers: one after another, with native threads, and with tasks
on one thread, on every reactor, and in every way to bring libcoir-legacy into it: linked, preloaded,
with single libraries patched, and as a fully static program where there is one.

    run_client.py --name NAME --servers postgresql,nginx --linked PROGRAM --plain PROGRAM \
                  --preload LIBRARY --patch PATTERN,... [--static PROGRAM] \
                  [--serial 5] [--pool 0] [--target SECONDS] [--cpu-target 0.9] [--times-target 25] \
                  [--quick] [--fails-without keys] [--holds-locks CALL] [--only epoll] [--strict] \
                  [-- ARGUMENTS]

Prints a line of JSON per run, and writes them to COIR_CLIENTS_RESULTS/NAME.jsonl when that is set.
Fails for a failed call, for a result that is not the serial run's, for more kernel threads than one
and the stated pool, and when the calls were not served at once: neither in less than a fifth of the
time of a serial run, nor about as fast as with native threads. With --strict, or
COIR_CLIENTS_STRICT=1, the targets have to be met, too: for machines that do nothing else. Runs whose time does not count look for more (audits.py).

COIR_CLIENTS_RUNS: of how many runs the quickest counts; 1, strictly 3.
COIR_CLIENTS_BRIEF=1: every reactor linked, and every delivery on epoll, no more, with a quarter of
the calls.
Exit status 77: a server is not installed, or something else is not to be had; with
COIR_CLIENTS_REQUIRED=1 that is a failure.
"""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys

import isolation
from audits import Audits
from servers import Missing, Servers

RUN_SECONDS = 40
REACTORS = ["epoll", "io_uring", "poll"]


def parse():
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--servers", default="")
    parser.add_argument("--linked", required=True)
    parser.add_argument("--plain", required=True)
    parser.add_argument("--preload", required=True)
    parser.add_argument("--patch", required=True)
    parser.add_argument("--static", help="a program that contains everything, libc too")
    parser.add_argument("--serial", type=int, default=5)
    parser.add_argument("--pool", type=int, default=0)
    parser.add_argument("--target", type=float, default=0)
    parser.add_argument("--cpu-target", type=float, default=0,
                        help="of the CPU time of native threads")
    parser.add_argument("--times-target", type=float, default=0,
                        help="how many times quicker than one by one it has to be")
    parser.add_argument("--quick", action="store_true",
                        help="the calls take so little time that one by one is as good")
    parser.add_argument("--fails-without", default="",
                        help="a word of COIR_LEGACY without which the test has to fail")
    parser.add_argument("--holds-locks", default="",
                        help="the call in which the library is known to wait with a lock held")
    parser.add_argument("--blocking", action="store_true",
                        help="the client never makes a socket non-blocking")
    parser.add_argument("--helper", default="", help="a server that belongs to the test")
    parser.add_argument("--only")
    parser.add_argument("--strict", action="store_true",
                        default=os.environ.get("COIR_CLIENTS_STRICT") == "1")
    options = parser.parse_args(words[:split])
    options.arguments = words[split + 1:]
    options.runs = int(os.environ.get("COIR_CLIENTS_RUNS", 3 if options.strict else 1))
    options.brief = os.environ.get("COIR_CLIENTS_BRIEF") == "1"
    return options


class Delivery:
    """A way to bring libcoir-legacy into a program."""

    def __init__(self, name, program, environment=None, arguments=()):
        self.name = name
        self.program = program
        self.environment = environment or {}
        self.arguments = list(arguments)


def deliveries(options):
    ways = [Delivery("linked", options.linked),
            Delivery("preload", options.plain, {"LD_PRELOAD": options.preload}),
            Delivery("patch", options.plain, arguments=["--patch", options.patch])]
    if options.static:
        ways.append(Delivery("static", options.static))
    return ways


class Runner:
    def __init__(self, options, servers):
        self.options = options
        self.servers = servers
        self.deliveries = deliveries(options)
        self.linked = self.deliveries[0]
        self.failures = []
        self.lines = []

    def start(self, mode, delivery=None, reactor=None, environment=None, **how):
        """The client's process. `how` is for subprocess.Popen."""
        delivery = delivery or self.linked
        command = [delivery.program, mode, "--head", str(self.options.serial), *delivery.arguments,
                   *self.options.arguments]
        if mode == "serial":
            command += ["--count", str(self.options.serial)]
        elif self.options.brief:
            command += ["--divisor", "4"]
        if reactor:
            command += ["--reactor", reactor]
        as_user = self.servers.as_user_for(delivery.program)
        as_user["env"].update(self.servers.environment)
        as_user["env"].update(delivery.environment)
        as_user["env"].update(environment or {})
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **{**as_user, **how})

    def finish(self, process, delivery):
        """The figures that it printed, and what it wrote to stderr when that is a pipe."""
        try:
            output, errors = process.communicate(timeout=RUN_SECONDS)
        except BaseException as error:
            process.kill()
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise RuntimeError(f"{' '.join(process.args)} did not end") from None
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(process.args)} ended with {process.returncode}\n{errors or ''}")
        figures = json.loads(output)
        figures["test"] = self.options.name
        figures["delivery"] = delivery.name if delivery and figures["mode"] == "tasks" else "-"
        return figures, errors or ""

    def run(self, mode, delivery=None, reactor=None):
        return self.finish(self.start(mode, delivery, reactor), delivery)[0]

    def expect(self, condition, what, figures):
        if not condition:
            self.failures.append(f"{what}: {figures['mode']} {figures['delivery']} "
                                 f"{figures['reactor']}")

    def check_results(self, figures, serial):
        self.expect(figures["failures"] == 0, "calls failed", figures)
        self.expect(figures["head"] == serial["head"], "other results than one by one", figures)

    def check_tasks(self, figures, serial, threads):
        self.check_results(figures, serial)
        self.expect(figures["threads"] <= 1 + self.options.pool, "too many threads", figures)
        one_by_one = serial["seconds"] / serial["count"] * figures["count"]
        figures["times_serial"] = round(one_by_one / figures["seconds"], 2)
        figures["times_time_of_threads"] = round(figures["seconds"] / threads["seconds"], 2)
        figures["times_cpu_of_threads"] = round(figures["cpu"] / max(threads["cpu"], 1e-3), 2)
        if not self.options.quick:
            at_once = max(one_by_one / 5, 1.5 * threads["seconds"])
            self.expect(figures["seconds"] < at_once, "not at once", figures)
        if self.options.strict:
            self.check_targets(figures)

    def check_targets(self, figures):
        options = self.options
        if options.target:
            self.expect(figures["seconds"] <= options.target, "too slow", figures)
        if options.cpu_target:
            self.expect(figures["times_cpu_of_threads"] <= options.cpu_target, "too much CPU", figures)
        self.expect(figures["times_serial"] >= options.times_target, "too few times quicker", figures)

    def note(self, figures):
        line = json.dumps(figures)
        self.lines.append(line)
        print(line, flush=True)

    def run_best(self, *arguments):
        runs = [self.run(*arguments) for _ in range(self.options.runs)]
        return min(runs, key=lambda figures: (figures["failures"], figures["seconds"]))

    def reactors_of(self, delivery):
        if self.options.only:
            return [self.options.only]
        return REACTORS[:1] if self.options.brief and delivery is not self.linked else REACTORS

    def run_all(self):
        serial = self.run("serial")
        self.check_results(serial, serial)
        self.note(serial)
        threads = self.run_best("threads")
        self.check_results(threads, serial)
        self.note(threads)
        for delivery in self.deliveries:
            for reactor in self.reactors_of(delivery):
                figures = self.run_best("tasks", delivery, reactor)
                self.check_tasks(figures, serial, threads)
                self.note(figures)
        Audits(self, serial).run_all()

    def write_results(self):
        folder = os.environ.get("COIR_CLIENTS_RESULTS")
        if not folder:
            return
        path = pathlib.Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        lines = self.lines + [json.dumps({"test": self.options.name, "failed": what})
                              for what in self.failures]
        (path / f"{self.options.name}.jsonl").write_text("".join(line + "\n" for line in lines))


def run_with_servers(options):
    names = [name for name in options.servers.split(",") if name]
    if "slow_names" in names:
        try:
            isolation.enter()
        except OSError as error:
            raise Missing(f"a resolver cannot be told its server here: {error}") from None
    with Servers(names, options.helper) as servers:
        runner = Runner(options, servers)
        try:
            runner.run_all()
        except RuntimeError as error:
            runner.failures.append(str(error))
        runner.write_results()
    for failure in runner.failures:
        print("FAILED", failure)
    return 1 if runner.failures else 0


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: the servers are stopped
    try:
        return run_with_servers(options)
    except Missing as missing:
        if os.environ.get("COIR_CLIENTS_REQUIRED") == "1":
            print(f"FAILED {missing}")
            return 1
        print(f"skipped: {missing}")
        return 77


if __name__ == "__main__":
    sys.exit(main())
