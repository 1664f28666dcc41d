"""Tries, one after the other, what the agent must not be able to do and what it must; each in a process of its own.

refused.py AGENT_PID KEYBOARD SERIAL_LINE     prints {"forbidden": {what: errno}, "needed": {what: errno}, "held": {…}}

0 means that it was done. `held` is what the kernel says that this process may (proc(5), status).
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

AGENT, KEYBOARD, SERIAL_LINE = int(sys.argv[1]), sys.argv[2], sys.argv[3]
LIBC = ctypes.CDLL(None, use_errno=True)
STATE = Path("/var/lib/jaego")
BROKER = ("10.0.2.100", 1883)
# x86-64's numbers (Linux, arch/x86/entry/syscalls/syscall_64.tbl).
PTRACE, PERSONALITY, MOUNT, NEW_MODULE, OLD_MODULE, UNSHARE, PERF, BPF = 101, 135, 165, 313, 176, 272, 298, 321
ATTACH, SAME_ADDRESSES, NEW_USER = 16, 0x0040000, 0x10000000
ADJTIMEX_BYTES, SET_OFFSET = 208, 1
HELD = ("Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters")
Try = Callable[[], object]


def call(number: int, *arguments: object) -> Try:
    def made() -> None:
        if LIBC.syscall(number, *arguments) < 0:
            raise OSError(ctypes.get_errno(), f"system call {number}")

    return made


def adjust(modes: int) -> Try:
    """With modes 0 the clock is only asked."""
    block = ctypes.create_string_buffer(ADJTIMEX_BYTES)
    block[0:4] = modes.to_bytes(4, "little")

    def made() -> None:
        if LIBC.adjtimex(block) < 0:
            raise OSError(ctypes.get_errno(), "adjtimex")

    return made


def opened(path: str | Path, mode: str) -> Try:
    return lambda: Path(path).open(mode).close()


def device(path: str, flags: int = os.O_RDONLY) -> Try:
    return lambda: os.close(os.open(path, flags | os.O_NOCTTY | os.O_NONBLOCK))


def executable_memory() -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def set_uid_bit() -> None:
    path = STATE / "tried"
    path.touch()
    try:
        path.chmod(0o4755)
    finally:
        path.unlink()


def through_a_set_uid_program() -> None:
    if subprocess.run(["/srv/id-of-root", "-u"], capture_output=True, text=True, check=True).stdout.strip() != "0":
        raise PermissionError(1, "it runs as who called it")


def written(path: Path) -> Try:
    def made() -> None:
        path.write_text("tried")
        path.unlink()

    return made


FORBIDDEN: dict[str, Try] = {
    "write in /etc": opened("/etc/mine", "a"),
    "write in /etc/jaego": opened("/etc/jaego/mine", "a"),
    "write in /usr": opened("/usr/lib/mine", "a"),
    "write in /opt/jaego": opened("/opt/jaego/mine", "a"),
    "write in /var": opened("/var/log/mine", "a"),
    "write in /srv": opened("/srv/mine", "a"),
    "read in /home": opened(Path("/home", "clerk", "letter"), "r"),
    "read another's file in /tmp": opened(Path("/tmp", "letter"), "r"),
    "open the disk": device("/dev/vda"),
    "open the memory": device("/dev/mem"),
    "open hidraw": device("/dev/hidraw0"),
    "open uinput": device("/dev/uinput", os.O_WRONLY),
    "open USB itself": device(str(max(Path("/dev/bus/usb/001").iterdir()))),
    "open the kernel's log": device("/dev/kmsg"),
    "make a device": lambda: os.mknod(STATE / "disk", 0o060600, os.makedev(254, 0)),
    "set the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()),
    "slew the clock": adjust(SET_OFFSET),
    "name the machine": lambda: socket.sethostname("mine"),
    "see other processes": opened("/proc/1/status", "r"),
    "see the kernel's settings": opened("/proc/sys/kernel/hostname", "r"),
    "change a driver's settings": opened("/sys/module/usbcore/parameters/autosuspend", "w"),
    "change control groups": opened("/sys/fs/cgroup/system.slice/cgroup.procs", "w"),
    "load a module": call(NEW_MODULE, 0, b"", 0),
    "unload a module": call(OLD_MODULE, b"uinput", 0),
    "trace the agent": call(PTRACE, ATTACH, AGENT, 0, 0),
    "mount": call(MOUNT, b"none", b"/mnt", b"tmpfs", 0, 0),
    "a namespace": call(UNSHARE, NEW_USER),
    "a personality": call(PERSONALITY, SAME_ADDRESSES),
    "measure the kernel": call(PERF, 0, 0, 0, 0, 0),
    "load BPF": call(BPF, 0, 0, 0),
    "memory that is written and run": executable_memory,
    "a set-uid bit": set_uid_bit,
    "root by a set-uid program": through_a_set_uid_program,
    "become root": lambda: os.setuid(0),
    "go before others": lambda: os.nice(-5),
    "real time": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    "raw packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "end another's process": lambda: os.kill(1, 0),
}

NEEDED: dict[str, Try] = {
    "open a keyboard": device(KEYBOARD),
    "open a serial line": device(SERIAL_LINE, os.O_RDWR),
    "write in its state folder": written(STATE / "tried"),
    "write in its own /tmp": written(Path("/tmp", "tried")),
    "read its configuration": opened("/etc/jaego/agent.toml", "r"),
    "reach the broker": lambda: socket.create_connection(BROKER, 10).close(),
    "ask whether the clock is synchronised": adjust(0),
    "open a pseudo terminal": os.openpty,
}


def outcome(attempt: Try) -> int:
    """In a child, so that nothing that was done helps the next one."""
    child = os.fork()
    if child == 0:
        code = 0
        try:
            attempt()
        except OSError as error:
            code = error.errno or 255
        except BaseException:  # noqa: BLE001  the child ends here, whatever it was
            code = 254
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def held() -> dict[str, str]:
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return {name: " ".join(lines[name].split()) for name in HELD}


def main() -> None:
    tried = {
        "forbidden": {name: outcome(one) for name, one in FORBIDDEN.items()},
        "needed": {name: outcome(one) for name, one in NEEDED.items()},
        "held": held(),
    }
    sys.stdout.write(json.dumps(tried) + "\n")


main()
