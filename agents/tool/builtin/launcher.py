"""Shuts itself in and then becomes the program it was asked to run. Started as a script by `sandbox.py`,
never imported.

It imports nothing of Hubbub, so that it starts fast and runs under `python -I`. Its only argument is a
JSON object: `argv`, `folder` (the only place it may write), `readable` (paths it may read), `limits`
(rlimit name -> number), `network` (bool) and `strict` (bool: refuse to run where a wall is missing). What
it could not do it says on file descriptor 3.

The walls, from outside to inside: user, network, process, IPC and mount namespaces (no interface but a
dead loopback, no sight of other processes, nothing that outlives the command), Landlock (files), and
rlimits (memory, CPU, file size, processes).
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

# From linux/sched.h and linux/prctl.h.
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
MS_REC, MS_PRIVATE = 0x4000, 0x40000

# From linux/landlock.h; the system call numbers are the same on all architectures.
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, IOCTL_DEV = 1, 2, 4, 8, 1 << 14, 1 << 15
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
RIGHTS_BITS = {1: 13, 2: 14, 3: 15, 4: 15}  # interface version -> rights it knows; 16 from version 5

INSIDE_UID = 1000
"""Any number but 0: a process that is not root inside loses its capabilities when the program is executed."""


class LibC:
    """The C library; a function that this system lacks fails like one that it refuses."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)

    def __getattr__(self, name: str) -> Callable[..., int]:
        try:
            function: Callable[..., int] = getattr(self._library, name)
        except AttributeError:
            raise OSError(errno.ENOSYS, f"this system has no {name}") from None
        return function


libc = LibC()


def check(result: int, what: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def enter_namespaces(folder: str, network: bool) -> None:
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS
    check(libc.unshare(flags if network else flags | CLONE_NEWNET), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{INSIDE_UID} {uid} 1"),
        ("gid_map", f"{INSIDE_UID} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount")
    # Landlock does not guard sockets with a path (those of container engines, buses, databases): hide
    # where they live.
    for place in {os.path.realpath("/run"), os.path.realpath("/var/run")}:
        if os.path.isdir(place) and os.path.commonpath([place, folder]) != place:
            check(libc.mount(b"none", place.encode(), b"tmpfs", 0, b"size=64k"), f"mount {place}")


def fence_files(folder: str, readable: list[str]) -> None:
    version = check(libc.syscall(LANDLOCK_CREATE, None, 0, 1), "landlock")
    handled = (1 << RIGHTS_BITS.get(version, 16)) - 1
    attributes = ctypes.c_uint64(handled)
    ruleset = check(libc.syscall(LANDLOCK_CREATE, ctypes.byref(attributes), 8, 0), "landlock")
    read = EXECUTE | READ_FILE | READ_DIR
    devices = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
    allow(ruleset, folder, handled)
    for path in readable:
        allow(ruleset, path, read)
    for path in devices:
        allow(ruleset, path, (READ_FILE | WRITE_FILE | TRUNCATE) & handled)
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    check(libc.syscall(LANDLOCK_RESTRICT, ruleset, 0), "landlock")
    os.close(ruleset)


def allow(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no permission
    if not os.path.isdir(path):
        rights &= FILE_RIGHTS
    rule = rights.to_bytes(8, sys.byteorder) + beneath.to_bytes(4, sys.byteorder)
    try:
        check(libc.syscall(LANDLOCK_ADD, ruleset, 1, ctypes.c_char_p(rule), 0), f"landlock {path}")
    finally:
        os.close(beneath)


def limit(limits: dict[str, int], namespaced: bool) -> None:
    for name, value in limits.items():
        if name == "RLIMIT_NPROC" and not namespaced:
            continue  # outside a user namespace it counts every process of the user, the server's too
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (bound, bound))


def as_first_process(run: Callable[[], NoReturn]) -> int:
    """Forks the first process of the new process namespace, which forks the program; when it ends, all end
    with it."""
    first = os.fork()
    if first:
        return wait(first)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    program = os.fork()
    if not program:
        run()
    while True:
        pid, status = os.wait()
        if pid == program:
            os._exit(exit_code(status))


def wait(pid: int) -> int:
    return exit_code(os.waitpid(pid, 0)[1])


def exit_code(status: int) -> int:
    """The exit code as a shell gives it: 128 and more for a signal."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def main() -> None:
    report, config = int(sys.argv[1]), json.loads(sys.argv[2])
    missing: list[str] = []
    with contextlib.suppress(OSError):
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    try:
        enter_namespaces(config["folder"], config["network"])
    except OSError as error:
        missing.append(f"namespaces ({error.strerror or error})")
    try:
        fence_files(config["folder"], config["readable"])
    except OSError as error:
        missing.append(f"file fence ({error.strerror or error})")
    os.write(report, json.dumps(missing).encode())
    os.close(report)
    if missing and config["strict"]:
        os._exit(125)
    namespaced = not any(wall.startswith("namespaces") for wall in missing)

    def run() -> NoReturn:
        try:
            limit(config["limits"], namespaced)
        except (OSError, ValueError) as error:
            os.write(2, f"cannot limit the program: {error}\n".encode())
            os._exit(126)
        try:
            os.execvpe(config["argv"][0], config["argv"], os.environ)
        except OSError as error:
            os.write(2, f"cannot run {config['argv'][0]}: {error.strerror}\n".encode())
            os._exit(127)

    if namespaced:
        os._exit(as_first_process(run))
    run()


if __name__ == "__main__":
    main()
