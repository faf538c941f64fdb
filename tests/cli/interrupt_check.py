# SPDX-License-Identifier: BSL-1.0
"""Interrupts `coir bench` and `coir pick` as Ctrl-C does: they exit with 130 within a second (more
under load), say so, print what is complete, and leave no child."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

COIR = sys.argv[1]
PATIENCE_S = 5  # a busy test machine is not what is tested; the usual figure is 0.01


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def wait_for_children(process):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        children = children_of(process.pid)
        if children:
            return children
        time.sleep(0.01)
    raise SystemExit("no child was started")


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def interrupt(arguments, signo, after_s, times=1):
    process = subprocess.Popen([COIR, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True)
    time.sleep(after_s)
    children = wait_for_children(process)
    began = time.monotonic()
    for _ in range(times):
        os.killpg(process.pid, signo)
    out, err = process.communicate(timeout=30)
    took = time.monotonic() - began
    assert process.returncode == 128 + signo, f"{arguments}: status {process.returncode}: {err}"
    assert took < PATIENCE_S, f"{arguments}: took {took:.2f} s"
    assert b"interrupted" in err, f"{arguments}: said {err}"
    left = [pid for pid in children if is_running(pid)]
    assert not left, f"{arguments}: children left: {left}"
    return out


out = interrupt(["bench", "switch", "--seconds", "30", "--reactor", "poll", "--json"],
                signal.SIGINT, 1.5)
result = json.loads(out)
assert result["interrupted_by"] == signal.SIGINT and result["cases"], "what is there is not printed"
interrupt(["bench", "echo", "--seconds", "30", "--reactor", "poll"], signal.SIGTERM, 0.5)
interrupt(["bench", "proxy", "--seconds", "30", "--reactor", "poll"], signal.SIGINT, 0.7)
with tempfile.TemporaryDirectory() as folder:
    os.environ["TMPDIR"] = folder
    interrupt(["bench", "files", "--seconds", "30", "--reactor", "poll"], signal.SIGINT, 1)
    assert not os.listdir(folder), "bench files: a file"
    del os.environ["TMPDIR"]
# Twice: the second does not cut off what the first has made it print.
out = interrupt(["bench", "echo", "--seconds", "30", "--reactor", "epoll", "--json"], signal.SIGINT, 0.5,
                times=3)
assert json.loads(out)["interrupted_by"] == signal.SIGINT, "interrupted twice"
assert interrupt(["pick", "--budget", "30s"], signal.SIGINT, 0.3) == b"", "pick: a result"
with tempfile.TemporaryDirectory() as folder:
    os.environ["XDG_CONFIG_HOME"] = folder
    interrupt(["pick", "--budget", "30s", "--write"], signal.SIGINT, 0.3)
    assert not [name for _, _, names in os.walk(folder) for name in names], "pick: a file"
