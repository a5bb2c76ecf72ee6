"""What the process of a submission may do, on Linux: next to nothing.

It reads Python, its packages, the course without answers and the data; it writes in its own folder;
it starts no process and no thread, opens no connection and signals nobody.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from course.grading import seccomp

NOBODY = 65534
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_NO_NEW_PRIVS = 1, 8, 38
CAPABILITIES_VERSION, CAP_DAC_READ_SEARCH = 0x20080522, 1 << 2
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
# Linux's landlock(7). Not granted anywhere: to execute a file (bit 0), to make a device, a socket
# or a pipe, to move files between folders, to send commands to a device.
WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = 2, 4, 8, 16, 32
MAKE_DIR, MAKE_REG, MAKE_SYM, TRUNCATE = 128, 256, 4096, 16384
READ = READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SYM | TRUNCATE
FILE_BITS = READ_FILE | WRITE_FILE | TRUNCATE  # what can be said of a file that is no folder
# How many of the bits a version of the interface knows, from version 1 on.
KNOWN_BITS = (13, 14, 15, 15, 16)
# Before TRUNCATE_SINCE (Linux 6.2) whoever owns a file may empty it, wherever it lies.
TRUNCATE_SINCE, NET_SINCE, SCOPE_SINCE = 3, 4, 6
ALL_TCP, ALL_SCOPES = 3, 3  # bind and connect; abstract sockets and signals

libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class _Ruleset(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("files", "net", "scoped"))


class _Rule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


@dataclass(frozen=True)
class Limits:
    """How much an answer may take.

    answer_seconds: for all the inputs of one exercise; cell_seconds: for running one cell, which
    may train a model; memory_mb: beside what Python and torch take by themselves; file_mb: for
    one file; folder_mb: for all of them.
    """

    answer_seconds: float = 10
    cell_seconds: float = 60
    memory_mb: int = 1536
    file_mb: int = 4
    folder_mb: int = 64


def landlock_version() -> int:
    """Which version of Landlock the kernel has; 0 for none."""
    return max(0, libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, 1)) if libc else 0


def is_shut_in() -> bool:
    """Whether the kernel keeps a process from all files that it is not given."""
    return landlock_version() >= TRUNCATE_SINCE


def hidden(places: Iterable[str]) -> Path | None:
    """The first folder on the way to these places that others than its owner can't enter."""
    found = (part for place in map(Path, places) for part in (place, *place.parents))
    return next((each for each in found if each.is_dir() and not each.stat().st_mode & 1), None)


def confine(home: Path, readable: Iterable[str], limits: Limits) -> None:
    """Shut this process in, for good. One that was root's becomes nobody's.

    Args:
        home: the one folder it may write to.
        readable: what it may read.
    Raises:
        OSError: something of it can't be done here.
    """
    if os.getuid() == 0:
        os.chown(home, NOBODY, NOBODY)
        _become_nobody(hidden(readable) is not None)
    os.umask(0o077)
    os.chdir(home)
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    _limit(limits)
    if landlock_version():
        _landlock(home, readable)
    seccomp.restrict()


def _become_nobody(reads_as_root: bool) -> None:
    """Give up being root.

    Args:
        reads_as_root: Python lies where nobody can't enter, as in /root; what may be read is
            Landlock's to say.
    """
    _prctl(PR_SET_KEEPCAPS, reads_as_root)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    if reads_as_root:
        header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0)
        sets = (CAP_DAC_READ_SEARCH, CAP_DAC_READ_SEARCH, 0, 0, 0, 0)
        _checked(libc.capset(header, (ctypes.c_uint32 * 6)(*sets)))


def _prctl(option: int, value: int) -> None:
    _checked(libc.prctl(option, value, 0, 0, 0))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _landlock(home: Path, readable: Iterable[str]) -> None:
    version = landlock_version()
    known = (1 << KNOWN_BITS[min(version, len(KNOWN_BITS)) - 1]) - 1
    wanted = _Ruleset(
        known, ALL_TCP if version >= NET_SINCE else 0, ALL_SCOPES if version >= SCOPE_SINCE else 0
    )
    # The kernel refuses a longer structure than it knows unless the rest is zero, as it is here.
    handle = libc.syscall(LANDLOCK_CREATE_RULESET, ctypes.byref(wanted), ctypes.sizeof(wanted), 0)
    _checked(handle)
    for place in readable:
        _allow(handle, Path(place), READ & known)
    _allow(handle, Path("/dev/null"), (READ_FILE | WRITE_FILE) & known)
    _allow(handle, home, WRITE & known)
    _checked(libc.syscall(LANDLOCK_RESTRICT_SELF, handle, 0))
    os.close(handle)


def _allow(ruleset: int, place: Path, bits: int) -> None:
    try:
        handle = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rule = _Rule(bits if place.is_dir() else bits & FILE_BITS, handle)
        _checked(libc.syscall(LANDLOCK_ADD_RULE, ruleset, 1, ctypes.byref(rule), 0))
    finally:
        os.close(handle)


def _limit(limits: Limits) -> None:
    import resource  # which Windows has not

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + int(limits.memory_mb * 2**20)
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, int(limits.file_mb * 2**20)),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 0),  # no other process, no thread
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, 3600),
    ):
        resource.setrlimit(what, (most, most))
