# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of dumps share: they run the program on small cases and compare its dumps.

Environment: TIDEMARK_EXECUTABLE, the program (required). MPIEXEC, the launcher with its options if
it needs any (default: mpiexec).
"""

import itertools
import json
import os
import shlex
import subprocess
import tempfile
import unittest
from pathlib import Path

from compare import compare_dump

TIMEOUT_S = 240
# There are more ranks than cores, with one thread each. The caller's variables override these.
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMP_NUM_THREADS": "1",
    "OMP_PROC_BIND": "false",
    "OPENBLAS_NUM_THREADS": "1",
}
BASE = {
    "name": "oracle",
    "model.num_layers": 2,
    "model.hidden_size": 24,
    "model.ffn_hidden_size": 20,
    "model.num_attention_heads": 4,
    "model.seq_length": 12,
    "model.micro_batch_size": 3,
    "model.hidden_dropout": 0.1,
    "model.attention_dropout": 0.2,
    "precision": "fp64",
    "parallel.tensor": 1,
    "bench.seed": 1234,
}
OFF_AND_ON = {"parallel.sequence": [False, True]}
WITHOUT_AND_WITH_ENDS = {"model.vocab_size": [0, 37]}
# Blocked attention has no core in memory that backward could compute again.
RECOMPUTE = {"materialized": ["none", "selective", "full"], "blocked": ["none", "full"]}
# Attention takes 512 positions at a time. These sizes give several such blocks.
LONG = {
    "model__num_layers": 1,
    "model__hidden_size": 8,
    "model__ffn_hidden_size": 8,
    "model__num_attention_heads": 2,
    "model__micro_batch_size": 1,
    "model__attention": "blocked",
}
# Every value that is rounded to 8 bits adds to the error. So there are few layers. They are so wide
# that no norm magnifies the error by the deviation of a few elements. Rounding alone gives half the
# bound.
COARSE = {
    "precision": "bf16",
    "model__num_layers": 1,
    "model__hidden_size": 64,
    "model__ffn_hidden_size": 64,
    "model__seq_length": 32,
    "model__micro_batch_size": 4,
}


def yaml_of(settings, sweep):
    """YAML text of dotted settings and swept keys. JSON scalars and lists are YAML, too."""
    sections = {}
    for key, value in settings.items():
        section, _, name = key.rpartition(".")
        sections.setdefault(section, []).append(f"{name}: {json.dumps(value)}")
    lines = sections.pop("", [])
    if sweep:
        sections["sweep"] = [f"{key}: {json.dumps(values)}" for key, values in sweep.items()]
    for section, entries in sections.items():
        lines += [f"{section}:", *(f"  {entry}" for entry in entries)]
    return "\n".join(lines) + "\n"


def launcher():
    """The command that starts MPI programs. It may start more ranks than there are cores."""
    command = shlex.split(os.environ.get("MPIEXEC") or "mpiexec")
    version = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    # Other launchers oversubscribe by default and refuse the option.
    if "Open MPI" in version.stdout + version.stderr or "OpenRTE" in version.stdout:
        command += [] if "--oversubscribe" in command else ["--oversubscribe"]
    return command


def run_program(arguments, ranks):
    """Exit status and output of the program. If it takes too long, it and its ranks are ended."""
    command = [*launcher(), "-n", str(ranks), os.environ["TIDEMARK_EXECUTABLE"], *arguments]
    with subprocess.Popen(
        command,
        env={**ENVIRONMENT, **os.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.terminate()  # not kill, because the launcher has to end its ranks
            output, _ = process.communicate()
            output += f"\nended after {TIMEOUT_S} s"
    return process.returncode, output


def value_in(case, key):
    """The setting of a dotted key in a case.json."""
    for name in key.split("."):
        case = case[name]
    return case


class ProgramTest(unittest.TestCase):
    """Tests of one family. Its settings override those of BASE."""

    FAMILY = {}

    @classmethod
    def setUpClass(cls):
        if not os.environ.get("TIDEMARK_EXECUTABLE"):
            raise RuntimeError("set TIDEMARK_EXECUTABLE to the tidemark program")

    def check(self, sweep=None, **settings):
        """Runs the base case with the given settings (double underscores instead of dots) and a
        sweep. Compares every dumped case."""
        given = {key.replace("__", "."): value for key, value in settings.items()}
        settings = {**BASE, **self.FAMILY, **given}
        settings = {key: value for key, value in settings.items() if key not in (sweep or {})}
        with tempfile.TemporaryDirectory(prefix="tidemark-oracle-") as scratch:
            file, dump = Path(scratch) / "case.yaml", Path(scratch) / "dump"
            file.write_text(yaml_of(settings, sweep), encoding="utf-8")
            arguments = ["run", str(file), "--dump", str(dump)]
            arguments += ["--set", "bench.iterations=1", "--set", "bench.warmup=1"]
            status, output = run_program(arguments, settings["parallel.tensor"])
            self.assertEqual(status, 0, output)
            self.check_settings(dump, settings, sweep or {})
            comparisons, problems = compare_dump(dump)
            self.assertEqual(problems, [])
            for comparison in comparisons:
                with self.subTest(comparison.title):
                    self.assertTrue(comparison.good, "\n" + comparison.table())

    def check_settings(self, dump, settings, sweep):
        """Expects that the dump has the requested cases in order, and not others that agree by
        chance."""
        points = [dict(zip(sweep, values)) for values in itertools.product(*sweep.values())]
        for index, point in enumerate(points):
            folder = dump / f"case{index}" if len(points) > 1 else dump
            case = json.loads((folder / "case.json").read_text(encoding="utf-8"))
            for key, value in {**settings, **point}.items():
                self.assertEqual(value_in(case, key), value, f"{folder.name}: {key}")
        if len(points) > 1:
            self.assertEqual(len(list(dump.iterdir())), len(points))

    def check_recomputation(self, sweep, **settings):
        """Tries every recomputation with every attention that allows it."""
        for attention, recompute in RECOMPUTE.items():
            self.check({"recompute": recompute, **sweep}, model__attention=attention, **settings)
