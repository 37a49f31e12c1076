"""Runs of the tidemark binary for the benchmark scripts."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from plotting import records

ROOT = Path(__file__).resolve().parent.parent.parent


def add_options(parser):
    """The options that every benchmark script has: how to start ranks, and of which binary."""
    parser.add_argument("--mpiexec", default="mpirun -n 2")
    parser.add_argument("--executable", type=Path, default=ROOT / "build/release/tidemark")


def environment():
    """One thread a rank; Open MPI refuses root unless it is told twice."""
    env = dict(os.environ, OMP_NUM_THREADS="1", OMP_PROC_BIND="false")
    if os.geteuid() == 0:
        env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return env


def run_quickstart(args, settings, launcher=None):
    """The records of inputs/quickstart.yaml, its keys overridden by `settings`; started by `launcher`
    in place of mpiexec, if it is given."""
    overrides = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "records.jsonl")
        command = [*shlex.split(launcher or args.mpiexec), str(args.executable), "run",
                   str(ROOT / "inputs/quickstart.yaml"), "--output", output, *overrides]
        subprocess.run(command, env=environment(), check=True, stdout=subprocess.DEVNULL)
        return [record.data for record in records.read(output)]


def collective_rows(text):
    """The table of `tidemark collectives` as {(operation, algorithm, place): {bytes: seconds}}."""
    rows = {}
    for line in text.splitlines()[3:]:
        size, operation, algorithm, place, microseconds, *_ = line.split()
        rows.setdefault((operation, algorithm, place), {})[int(size)] = float(microseconds) * 1e-6
    return rows
