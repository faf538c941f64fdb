# SPDX-License-Identifier: BSL-1.0
"""A network and a /etc/resolv.conf of this process's own: a resolver can be told neither by its
environment nor by any call which server to ask, and it only asks port 53."""
import ctypes
import fcntl
import os
import socket
import struct
import tempfile

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def replace_file(path, text):
    """For this process and its children. The file itself stays as it is."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        os.chmod(file.name, 0o644)
        check(libc.mount(file.name.encode(), path.encode(), None, MS_BIND, None), f"mount on {path}")


def loopback_up():
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", IFF_UP))


def enter():
    """Throws OSError where that is not allowed. Before any thread is started."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        check(libc.unshare(CLONE_NEWNS | CLONE_NEWNET), "unshare")
    else:
        check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET), "unshare")
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"{user} {user} 1")
        write("/proc/self/gid_map", f"{group} {group} 1")
    check(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "mount")
    loopback_up()
    replace_file("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:5 attempts:2\n")
    replace_file("/etc/nsswitch.conf", "hosts: files dns\npasswd: files\ngroup: files\n")
