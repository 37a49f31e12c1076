# SPDX-License-Identifier: BSD-3-Clause
"""A control group that limits the processor time of what a test starts in it."""
import os
import pathlib
import time

PERIOD_US = 100000
ROOT = pathlib.Path("/sys/fs/cgroup")


class Unavailable(Exception):
    """This machine or user cannot have such a group; the text says why."""


def parent_and_files(cores):
    """Where groups are made, and what a group's files have to hold; of version 1 or 2."""
    quota = int(cores * PERIOD_US)
    for line in pathlib.Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if "cpu" in controllers.split(","):
            files = {"cpu.cfs_period_us": str(PERIOD_US), "cpu.cfs_quota_us": str(quota)}
            for folder in (ROOT / controllers, ROOT / "cpu"):
                if folder.is_dir():
                    return folder / path.lstrip("/"), files
    # In version 2, a group that has its own processes cannot have limited children. The root can.
    return ROOT, {"cpu.max": f"{quota} {PERIOD_US}"}


class CpuGroup:
    """with CpuGroup(0.5) as group: subprocess.Popen(..., preexec_fn=group.enter)"""

    def __init__(self, cores):
        self.parent, self.files = parent_and_files(cores)
        self.folder = self.parent / f"tidemark-test-{os.getpid()}"

    def __enter__(self):
        try:
            self.folder.mkdir()
        except OSError as error:
            raise Unavailable(f"no control group can be made: {error}") from error
        try:
            for name, value in self.files.items():
                (self.folder / name).write_text(value, encoding="utf-8")
        except OSError as error:
            self.folder.rmdir()
            raise Unavailable(f"no control group can be limited: {error}") from error
        return self

    def __exit__(self, *unused):
        for _ in range(50):  # a process that has just ended may still be in it
            try:
                self.folder.rmdir()
                return
            except OSError:
                time.sleep(0.1)

    def enter(self):
        """Moves the calling process into the group."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()), encoding="utf-8")
