# SPDX-License-Identifier: BSD-3-Clause
"""Starts the executable, alone or on MPI ranks. All Python scripts start it from here."""

import dataclasses
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXECUTABLE = ROOT / "build/release/tidemark"
MPIRUN = "mpirun"


def environment(threads=1):
    """The environment of ranks with so many threads, which are not bound. Open MPI refuses to start
    as root unless two variables allow it."""
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), OMP_PROC_BIND="false")
    if os.geteuid() == 0:
        env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return env


def as_options(settings):
    """The options that override keys of an input."""
    return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]


@dataclasses.dataclass(frozen=True)
class Launch:
    """How the executable starts: the words of a launcher before it, if any, and the environment,
    which is the caller's own where it is None."""

    executable: Path
    launcher: tuple = ()
    env: dict = None

    def command(self, arguments):
        return [*self.launcher, str(self.executable), *arguments]

    def run(self, arguments, **options):
        """Runs to the end; `options` are those of subprocess.run()."""
        return subprocess.run(self.command(arguments), env=self.env, **options)

    def start(self, arguments, **options):
        """A process in a session of its own, so that signals come from the caller alone."""
        return subprocess.Popen(self.command(arguments), env=self.env, stdin=subprocess.DEVNULL,
                                start_new_session=True, **options)
