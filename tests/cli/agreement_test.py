# SPDX-License-Identifier: BSL-1.0
"""coir bench http and resp against the load generators that people know, on the same servers: wrk on
http_hello and nginx, redis-benchmark on mini_redis and redis-server. The two take turns; the median
of the paired ratios has to be 1 within noise, which is what the rounds differ by, and 10 % at least.

What is compared is what they say of a server, and not how fast they are themselves: where one is slower
than the server, it measures itself. So the servers are made the slowest of all: those of HTTP share their
CPU with processes that only spin, and those of Redis are asked for 2,000 keys at a time.

    agreement_test.py COIR HTTP_HELLO MINI_REDIS FOLDER_OF_SERVERS.PY
"""
import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time

coir, http_hello, mini_redis, folder = sys.argv[1:]
sys.path.insert(0, folder)
from servers import Missing, Servers, die_with_parent, find, free_port  # noqa: E402

ROUNDS = 9
SECONDS = 1
CONNECTIONS = 64
passed, failed, skipped = 0, 0, 0


def pinned(cpu):
    allowed = sorted(os.sched_getaffinity(0))
    return {allowed[cpu % len(allowed)]}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60,
                          preexec_fn=lambda: os.sched_setaffinity(0, pinned(1)))
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.returncode}: {done.stderr}")
    return done.stdout


def coir_rate(kind, port, request):
    option = "--path" if kind == "http" else "--command"
    out = run(coir, "bench", kind, "--connect", f"127.0.0.1:{port}", option, request, "--rounds", "1",
              "--seconds", str(SECONDS), "--connections", str(CONNECTIONS), "--json")
    return json.loads(out)["cases"][0]["series"][0]["median"]


def wrk_rate(port, path):
    out = run(find("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", f"http://127.0.0.1:{port}{path}")
    if "Non-2xx" in out:
        raise RuntimeError(out)
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", out).group(1))


def redis_benchmark_rate(port, command):
    # It counts requests and not seconds: about as many as take that long.
    count = max(1000, int(coir_rate("resp", port, command) * SECONDS))
    out = run(find("redis-benchmark"), "-p", str(port), "-c", str(CONNECTIONS), "-n", str(count), "--csv",
              *command.split())
    return float(out.strip().splitlines()[-1].split(",")[1].strip('"'))


def compare(name, ours, theirs):
    global passed, failed
    ratios = []
    for index in range(ROUNDS + 1):
        pair = (ours, theirs) if index % 2 == 0 else (theirs, ours)
        rates = {rate: rate() for rate in pair}
        if index > 0:  # the first warms up
            ratios.append(rates[ours] / rates[theirs])
    middle = statistics.median(ratios)
    noise = statistics.median(abs(ratio - middle) for ratio in ratios)
    allowed = max(0.10, 3 * noise)
    print(f"{name}: {middle:.3f} +- {noise:.3f}, allowed {1 - allowed:.2f}..{1 + allowed:.2f}")
    if abs(middle - 1) <= allowed:
        passed += 1
    else:
        failed += 1
        print(f"failed: {name}: {[round(ratio, 2) for ratio in ratios]}")


@contextlib.contextmanager
def slowed_down():
    spinners = [subprocess.Popen([sys.executable, "-c", "while True: pass"],
                                 preexec_fn=lambda: (die_with_parent(),
                                                     os.sched_setaffinity(0, pinned(0))))
                for _ in range(3)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


@contextlib.contextmanager
def example(program):
    port = free_port()
    server = subprocess.Popen([program, "--port", str(port)], stdout=subprocess.DEVNULL,
                              preexec_fn=lambda: (die_with_parent(),
                                                  os.sched_setaffinity(0, pinned(0))))
    try:
        time.sleep(1)
        yield port
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(10)


@contextlib.contextmanager
def package(name, variable):
    with Servers([name]) as servers:
        for process in servers.processes:
            os.sched_setaffinity(process.pid, pinned(0))
        yield int(servers.environment[variable])


def check(name, generator, server, ours, theirs, extra=contextlib.nullcontext):
    global skipped
    try:
        find(generator)
        with server as port, extra():
            compare(name, lambda: ours(port), lambda: theirs(port))
    except Missing as missing:
        skipped += 1
        print(f"skipped: {name}: {missing}")


check("http_hello, wrk", "wrk", example(http_hello), lambda port: coir_rate("http", port, "/"),
      lambda port: wrk_rate(port, "/"), slowed_down)
check("nginx, wrk", "wrk", package("nginx", "COIR_HTTP_PORT"),
      lambda port: coir_rate("http", port, "/hello"), lambda port: wrk_rate(port, "/hello"),
      slowed_down)
words = "EXISTS" + " key" * 2000
check("mini_redis, redis-benchmark", "redis-benchmark", example(mini_redis),
      lambda port: coir_rate("resp", port, words), lambda port: redis_benchmark_rate(port, words))
check("redis-server, redis-benchmark", "redis-benchmark", package("redis", "COIR_REDIS_PORT"),
      lambda port: coir_rate("resp", port, words), lambda port: redis_benchmark_rate(port, words))
print(f"coir-tests: {passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed else 0)
