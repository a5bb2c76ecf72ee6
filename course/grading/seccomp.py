"""Calls to the kernel that the process of a submission may not make: seccomp(2).

Landlock says which files it reads and writes. It does not ask when somebody changes the mode or
the owner of a file, talks to a socket that lies among the files, or sets the limits of another
process of the same user; here these calls fail with EPERM.
"""

import ctypes
import errno
import os
import platform
import struct

PR_SET_SECCOMP, MODE_FILTER = 22, 2
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
# Offsets in what a filter looks at: the number of the call, the machine, the lower half of the
# first argument (each takes eight bytes; both machines write the lower half first).
NUMBER, MACHINE, ARGUMENTS = 0, 4, 16
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # classic BPF
OTHER_NUMBERS = 0x40000000  # from here on, x86's second way to call the same functions
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # as linux/audit.h names them

# By machine the numbers of what is refused (asm/unistd_64.h and asm-generic/unistd.h): to reach
# others, to say whose a file is and how old, to change or look into another process, to start one
# (execve too: a program would get memory of its own), and wide doors into the kernel.
REFUSED = {
    "x86_64": (
        *(41, 42, 49, 53, 319),  # socket connect bind socketpair memfd_create
        *(29, 30, 31, 64, 65, 66, 220),  # shmget shmat shmctl semget semop semctl semtimedop
        *(68, 69, 70, 71, 240, 241),  # msgget msgsnd msgrcv msgctl mq_open mq_unlink
        *(90, 91, 92, 93, 94, 260, 268),  # chmod fchmod chown fchown lchown fchownat fchmodat
        *(188, 189, 190, 197, 198, 199),  # setxattr lsetxattr fsetxattr, and removexattr likewise
        *(132, 235, 261, 280),  # utime utimes futimesat utimensat
        *(101, 310, 311, 129, 297),  # ptrace process_vm_readv/_writev rt_sigqueueinfo rt_tgsig…
        *(141, 142, 144, 203, 251, 314),  # setpriority, sched_set…, ioprio_set
        *(56, 57, 58, 59, 322),  # clone fork vfork execve execveat
        *(165, 248, 249, 250, 272, 298, 304, 308, 321, 323),  # mount add_key request_key keyctl
        # unshare perf_event_open open_by_handle_at setns bpf userfaultfd
    ),
    "aarch64": (
        *(198, 203, 200, 199, 279),
        *(194, 196, 195, 190, 193, 191, 192),
        *(186, 189, 188, 187, 180, 181),
        *(52, 53, 54, 55),
        *(5, 6, 7, 14, 15, 16),
        88,
        *(117, 270, 271, 138, 240),
        *(140, 118, 119, 122, 30, 274),
        *(220, 221, 281),
        *(40, 217, 218, 219, 97, 241, 265, 268, 280, 282),
    ),
}
# Newer calls have one number everywhere: pidfd_send_signal, io_uring_setup and its two others,
# pidfd_open, clone3, pidfd_getfd, process_madvise, fchmodat2, setxattrat, removexattrat,
# file_setattr.
REFUSED_ANYWHERE = (424, 425, 426, 427, 434, 435, 438, 440, 452, 463, 466, 469)
# kill tkill tgkill, prlimit64, fcntl, ioctl: allowed for some arguments.
SIGNALS = {"x86_64": (62, 200, 234), "aarch64": (129, 130, 131)}
PRLIMIT = {"x86_64": 302, "aarch64": 261}
FCNTL_IOCTL = {"x86_64": (72, 16), "aarch64": (25, 29)}
# F_SETOWN, F_SETOWN_EX; FIOSETOWN, SIOCSPGRP: to whom a signal goes when a file has news.
OWNERS = ((8, 15), (0x8901, 0x8902))


def restrict() -> None:
    """Refuse these calls to this process, for good; it must have given up new privileges.

    Raises:
        OSError: of this machine the numbers are not known, or its kernel has no such filter.
    """
    machine = platform.machine()
    if machine not in MACHINES:
        known = " and ".join(MACHINES)
        raise OSError(f"grade knows how to refuse calls to the kernel on {known}, not on {machine}")
    program = filter_for(machine, os.getpid())
    code = ctypes.create_string_buffer(program, len(program))
    length, place = len(program) // 8, ctypes.addressof(code)
    if ctypes.CDLL(None, use_errno=True).prctl(
        PR_SET_SECCOMP, MODE_FILTER, struct.pack("@HP", length, place), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "this kernel has no seccomp filter")


def filter_for(machine: str, pid: int) -> bytes:
    """The filter of a process, as the program that the kernel runs before each call."""
    steps = [(LOAD, MACHINE), (EQUAL, MACHINES[machine], 1, 0), (RETURN, KILL), (LOAD, NUMBER)]
    steps += _refuse_if(AT_LEAST, OTHER_NUMBERS)
    for number in (*REFUSED[machine], *REFUSED_ANYWHERE):
        steps += _refuse_if(EQUAL, number)
    for number in SIGNALS[machine]:
        steps += _unless(number, 0, _allow_if(pid))  # to itself alone
    steps += _unless(PRLIMIT[machine], 0, _allow_if(0))  # its own limits alone
    for number, values in zip(FCNTL_IOCTL[machine], OWNERS, strict=True):
        refused = [step for value in values for step in _refuse_if(EQUAL, value)]
        steps += _unless(number, 1, [*refused, (RETURN, ALLOW)])
    steps.append((RETURN, ALLOW))
    return b"".join(struct.pack("HBBI", code, *(*jumps, 0, 0)[:2], value)
                    for code, value, *jumps in steps)  # fmt: skip


def _refuse_if(test: int, value: int) -> list[tuple[int, ...]]:
    return [(test, value, 0, 1), (RETURN, REFUSE)]


def _allow_if(value: int) -> list[tuple[int, ...]]:
    return [(EQUAL, value, 0, 1), (RETURN, ALLOW), (RETURN, REFUSE)]


def _unless(number: int, argument: int, steps: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Steps that a call with another number passes over; they look at one argument, and end."""
    return [(EQUAL, number, 0, len(steps) + 1), (LOAD, ARGUMENTS + 8 * argument), *steps]
