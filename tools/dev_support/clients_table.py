#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Writes the figures of the client tests into docs/legacy.md: `tools/dev clients --write`.

    clients_table.py FOLDER_OF_RESULTS DOCUMENT

The folder has one file of JSON lines per test, as run_client.py writes them (COIR_CLIENTS_RESULTS).
The tests that there are, are read from tests/legacy/clients/meson.build: one without a file was not
measured, and the table says so.
"""
import json
import os
import platform
import re
import sys
from pathlib import Path

BEGIN, END = "<!-- table of clients: begin -->\n", "<!-- table of clients: end -->\n"
TESTS = Path(__file__).parents[2] / "tests/legacy/clients/meson.build"
DELIVERIES = ["linked", "preload", "patch", "static"]
REACTORS = ["epoll", "io_uring", "poll"]


def tests():
    listed = re.search(r"^client_tests = \[\n(.*?)^\]", TESTS.read_text(), re.M | re.S).group(1)
    return re.findall(r"^  \['([\w-]+)',", listed, re.M)


def measured(folder, test):
    path = Path(folder) / f"{test}.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def cell(figures):
    if not figures:
        return "not measured"
    return (f"{figures['seconds']:.2f} s, {figures['times_serial']:.3g}×, "
            f"{figures['times_time_of_threads']:.2f}, {figures['times_cpu_of_threads']:.2f}")


def rows(folder, test):
    lines = measured(folder, test)
    if any("failed" in line for line in lines):
        return [f"| {test} | failed | | | | |\n"]
    threads = next((line for line in lines if line["mode"] == "threads"), None)
    if not threads:
        return [f"| {test} | not measured | | | | |\n"]
    tasks = {(line["delivery"], line["reactor"]): line for line in lines if line["mode"] == "tasks"}
    made = []
    for way in DELIVERIES:
        first = f"{test}: {threads['count']} × {threads['client']}" if not made else ""
        native = f"{threads['seconds']:.2f} s, {threads['cpu']:.2f} s" if not made else ""
        if not any((way, reactor) in tasks for reactor in REACTORS):
            made.append(f"| {first} | {native} | {way} | not measured | | |\n")
            continue
        cells = " | ".join(cell(tasks.get((way, reactor))) for reactor in REACTORS)
        made.append(f"| {first} | {native} | {way} | {cells} |\n")
    return made


def machine():
    model = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.M)
    name = model.group(1).strip() if model else platform.machine()
    libc = " ".join(platform.libc_ver())
    return f"{len(os.sched_getaffinity(0))} CPUs ({name}), Linux {platform.release()}, {libc}"


def table(folder):
    head = (f"Made by `tools/dev clients --write` on {machine()}; load at the end "
            f"{os.getloadavg()[1]:.1f}. Each cell: seconds, how many times quicker than one by one, "
            "and the time and the CPU time in those of native threads; the quickest of "
            "three runs.\n\n"
            "| client | threads: time, CPU | delivery | epoll | io_uring | poll |\n"
            "|---|---|---|---|---|---|\n")
    return head + "".join(row for test in tests() for row in rows(folder, test))


def main(folder, document):
    path = Path(document)
    text = path.read_text()
    if BEGIN not in text or END not in text:
        raise SystemExit(f"clients_table.py: {document} has no place for the table")
    before, rest = text.split(BEGIN)
    path.write_text(before + BEGIN + table(folder) + END + rest.split(END)[1])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
