# SPDX-License-Identifier: BSD-3-Clause
"""Runs of inputs/quickstart.yaml, and their records."""

import shlex
import subprocess
import tempfile
from pathlib import Path

from tidemark_tools.launch import EXECUTABLE, MPIRUN, ROOT, Launch, as_options, environment
from tidemark_tools.records.reader import data_of


def add_options(parser):
    """Adds the options of all benchmarks: how ranks start, and which executable runs."""
    parser.add_argument("--mpiexec", default=f"{MPIRUN} -n 2")
    parser.add_argument("--executable", type=Path, default=EXECUTABLE)


def launch_of(args, launcher=None):
    """The launch that those options describe; `launcher` replaces --mpiexec where it is given."""
    return Launch(args.executable, tuple(shlex.split(launcher or args.mpiexec)), environment())


def run_input(launch, words, **options):
    """Runs the input with more `words` on its command line. Returns the records and the result of
    subprocess.run(), which gets the `options`."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "records.jsonl")
        result = launch.run(["run", str(ROOT / "inputs/quickstart.yaml"), "--output", str(output),
                             *words], **options)
        return data_of(output) if output.exists() else [], result


def run_quickstart(args, settings, launcher=None):
    """The records of the input, with its keys overridden by `settings`. Raises
    CalledProcessError."""
    return run_input(launch_of(args, launcher), as_options(settings), check=True,
                     stdout=subprocess.DEVNULL)[0]


def run_layout(executable, mpirun, layout, settings):
    """The records of the input on `layout` = (ranks, threads of each). Raises CalledProcessError
    with what the run said."""
    ranks, threads = layout
    # Open MPI binds each rank of a small job to one core unless it is told otherwise.
    binding = ("--bind-to", "none") if threads > 1 else ()
    launch = Launch(executable, (mpirun, "-n", str(ranks), *binding), environment(threads))
    return run_input(launch, as_options({"parallel.tensor": ranks, **settings}), check=True,
                     capture_output=True, text=True)[0]
