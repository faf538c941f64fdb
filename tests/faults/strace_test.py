# SPDX-License-Identifier: BSL-1.0
"""The same programs as a black box: strace makes the kernel's answers, so that no seam of ours is in
between. usage: strace_test.py FAULT_SWEEPS"""
import shutil
import subprocess
import sys

program = sys.argv[1]

# Scenario, reactor, what strace injects.
CASES = [
    ("server", "epoll", "accept4:error=EMFILE:when=1"),
    ("server", "poll", "accept4:error=ECONNABORTED:when=1"),
    ("server", "epoll", "accept4:error=ENOBUFS:when=2"),
    ("connect_accept", "epoll", "connect:error=EADDRNOTAVAIL:when=1"),
    ("connect_accept", "io_uring", "socket:error=EMFILE:when=2"),
    ("stream_large", "epoll", "sendto:error=ENOBUFS:when=2"),
    ("stream_large", "poll", "recvfrom:error=ECONNRESET:when=1"),
    ("timers", "epoll", "epoll_pwait2:error=EINTR:when=1+2"),
    ("timers", "epoll", "epoll_pwait2:error=ENOSYS"),
    ("timers", "poll", "ppoll:error=EINTR:when=1+2"),
    ("timers", "io_uring", "io_uring_enter:error=EINTR:when=1+2"),
    ("stream_echo", "io_uring", "io_uring_enter:error=EBUSY:when=3+3"),
    ("run", "io_uring,epoll", "io_uring_setup:error=EPERM"),
    ("run", "io_uring,epoll", "io_uring_setup:error=ENOMEM"),
    ("run", "io_uring,epoll", "io_uring_register:error=ENOMEM:when=1"),
    ("run", "epoll", "epoll_create1:error=EMFILE:when=2"),
    ("many_tasks", "epoll", "mmap:error=ENOMEM:when=40+3"),
    ("many_tasks", "epoll", "madvise:error=EINVAL"),
    ("file", "epoll", "pwrite64:error=ENOSPC:when=1"),
    ("whole_file", "epoll", "fsync:error=EIO:when=1"),
    ("subprocess", "epoll", "pidfd_open:error=ENOSYS"),
    ("subprocess", "epoll", "clone:error=EAGAIN:when=1"),
    ("subprocess", "epoll", "execve:error=ENOMEM:when=2"),
    ("to_thread", "epoll", "clone3:error=EAGAIN:when=1"),
]


def run(scenario, reactor, injected):
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=" + injected,
               program, "--reactor", reactor, "--scenario", scenario, "--outside"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return "it hangs"
    return "" if done.returncode == 0 else f"status {done.returncode}: {done.stdout}{done.stderr}".strip()


def main():
    if not shutil.which("strace") or subprocess.run(
            ["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode != 0:
        print("skipped: strace cannot be used here")
        print("coir-tests: 0 passed, 0 failed, 1 skipped")
        return 77
    failed = 0
    for case in CASES:
        wrong = run(*case)
        if wrong:
            failed += 1
            print(f"failed: {' '.join(case)}: {wrong}")
    print(f"coir-tests: {len(CASES) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
