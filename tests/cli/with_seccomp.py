# SPDX-License-Identifier: BSL-1.0
"""with_seccomp.py deny|nosys|nomem|kill|noptrace PROGRAM [ARGUMENT...]: runs the program where
io_uring_setup is answered with EPERM, ENOSYS or ENOMEM, or ends the process; or where ptrace is
answered with EPERM. Exits with 77 where no filter can be installed."""
import ctypes
import errno
import os
import struct
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
RET_KILL_PROCESS, RET_ERRNO, RET_ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
IO_URING_SETUP = 425  # on every architecture

verdict = {
    "deny": RET_ERRNO | errno.EPERM,
    "nosys": RET_ERRNO | errno.ENOSYS,
    "nomem": RET_ERRNO | errno.ENOMEM,
    "kill": RET_KILL_PROCESS,
    "noptrace": RET_ERRNO | errno.EPERM,
}[sys.argv[1]]
call = IO_URING_SETUP
if sys.argv[1] == "noptrace":
    call = 101 if os.uname().machine == "x86_64" else 117  # on all younger architectures
program = b"".join(struct.pack("HBBI", *instruction) for instruction in [
    (0x20, 0, 0, 0),               # load the number of the system call
    (0x15, 0, 1, call),            # not this one: skip
    (0x06, 0, 0, verdict),
    (0x06, 0, 0, RET_ALLOW),
])
buffer = ctypes.create_string_buffer(program)
filter_program = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
if (libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or
        libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_program, 0, 0) != 0):
    sys.exit(77)
os.execvp(sys.argv[2], sys.argv[2:])
