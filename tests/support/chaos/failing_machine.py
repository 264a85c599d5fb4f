"""A machine whose disk is full, whose disk or clock is broken, or that has no descriptors left, for a relay
and its Valkey that run on it as processes.

`small_disk` gives them a data folder of a few MiB, a tmpfs in a mount namespace that ends with them (it takes
root). `failing_calls` preloads a library into them, made by the system's C compiler, in which calls fail from
when a test says so.
"""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from support.programs import executable

_LIBRARY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Whether the test has made the file of this name. */
static int told(const char *name)
{
    char path[4096];
    const char *folder = getenv("TEDUH_FAILING");
    if (folder == NULL) return 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static int is_append_only_file(int descriptor)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "appendonlydir") != NULL;
}

static int fails(const char *name, int descriptor)
{
    int before = errno;
    int failing = told(name) && is_append_only_file(descriptor);
    errno = failing ? EIO : before;
    return failing;
}

ssize_t write(int descriptor, const void *bytes, size_t count)
{
    return fails("write", descriptor) ? -1 : syscall(SYS_write, descriptor, bytes, count);
}

int fdatasync(int descriptor)
{
    return fails("sync", descriptor) ? -1 : syscall(SYS_fdatasync, descriptor);
}

int fsync(int descriptor)
{
    return fails("sync", descriptor) ? -1 : syscall(SYS_fsync, descriptor);
}

/* Valkey's clock alone: the relay's own is not what is tried. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    static __thread struct timespec stopped[16];
    int result = syscall(SYS_clock_gettime, clock, now);
    if (clock < 16 && strstr(program_invocation_short_name, "valkey") != NULL && told("clock")) {
        if (stopped[clock].tv_sec == 0) stopped[clock] = *now;
        *now = stopped[clock];
    }
    return result;
}

int gettimeofday(struct timeval *now, void *zone)
{
    struct timespec precise;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now)
{
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (now != NULL) *now = precise.tv_sec;
    return precise.tv_sec;
}
"""


@dataclass(frozen=True, slots=True)
class FailingMachine:
    """`prefix` are the words before a program that is to run on it, `environment` what it is given."""

    prefix: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


# --- a disk that fills ---


def why_no_small_disk() -> str | None:
    """Why there can be none here; None if there can."""
    if os.geteuid() != 0:
        return "mounting takes root"
    mounts = subprocess.run(
        [executable("unshare"), "-m", "mount", "-t", "tmpfs", "teduh", "/mnt"], capture_output=True
    )
    return None if mounts.returncode == 0 else "mounting is not allowed here"


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """What runs on its `machine` has `folder` on it. It lasts as long as `holder`, a process, lives."""

    folder: Path
    holder: int

    @property
    def machine(self) -> FailingMachine:
        return FailingMachine((executable("nsenter"), "-t", str(self.holder), "-m"))

    def fill(self) -> None:
        """Leave no block free."""
        block = bytes(4096)
        with self._filler.open("ab", buffering=0) as file, suppress(OSError):
            while file.write(block):
                pass

    def free(self) -> None:
        """Give back what `fill` took."""
        self._filler.unlink()

    @property
    def _filler(self) -> Path:
        return Path(f"/proc/{self.holder}/root{self.folder}/filler")


@contextmanager
def small_disk(folder: Path, mib: int = 8) -> Iterator[SmallDisk]:
    """A disk of so many MiB at `folder`, until the end."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = f'mount -t tmpfs -o size={mib}m,mode=700 teduh "$0" && echo mounted && exec sleep infinity'
    command = [executable("unshare"), "-m", "--propagation", "private", "sh", "-c", mount, os.fspath(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"mounted\n"
            yield SmallDisk(folder, holder.pid)
        finally:
            holder.kill()


# --- calls that fail ---


@dataclass(frozen=True, slots=True)
class FailingCalls:
    """`write` or `sync` of an append-only file fails with EIO, or Valkey's `clock` stands still."""

    folder: Path

    @property
    def machine(self) -> FailingMachine:
        library = os.fspath(self.folder / "failing.so")
        return FailingMachine(environment={"LD_PRELOAD": library, "TEDUH_FAILING": os.fspath(self.folder)})

    def begin(self, name: str) -> None:
        (self.folder / name).touch()

    def end(self, name: str) -> None:
        (self.folder / name).unlink()


def failing_calls(folder: Path) -> FailingCalls:
    """The library, made in `folder`."""
    folder.mkdir(parents=True)
    source = folder / "failing.c"
    source.write_text(_LIBRARY)
    subprocess.run(
        [executable("cc"), "-shared", "-fPIC", "-O1", "-o", folder / "failing.so", source, "-ldl"], check=True
    )
    return FailingCalls(folder)


# --- no descriptors left ---


def take_descriptors(pid: int) -> None:
    """The process can open nothing more; what it has open it keeps."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))


def give_descriptors(pid: int) -> None:
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(hard, 1024), hard))
