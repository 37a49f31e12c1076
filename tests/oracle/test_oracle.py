"""Runs the program on small cases and judges its dumps with the oracle.

Environment: TIDEMARK_EXECUTABLE, the program (required); MPIEXEC, the launcher with its options
if it needs any (default: mpiexec).
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
# More ranks than cores, one thread each; the variables of the caller come first.
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
WITH_AND_WITHOUT_DROPOUT = {
    "model.hidden_dropout": [0.0, 0.1],
    "model.attention_dropout": [0.0, 0.2],
}
OFF_AND_ON = {"parallel.sequence": [False, True]}
WITHOUT_AND_WITH_ENDS = {"model.vocab_size": [0, 37]}
CAUSAL_AND_NOT = {"model.causal": [True, False]}
# Blocked attention has no core in memory that a backward could compute again.
RECOMPUTE = {"materialized": ["none", "selective", "full"], "blocked": ["none", "full"]}
KEEPING = {"materialized": ["none", "selective"], "blocked": ["none"]}
# Attention takes 512 positions at a time: sizes for runs of several such blocks.
LONG = {
    "model__num_layers": 1,
    "model__hidden_size": 8,
    "model__ffn_hidden_size": 8,
    "model__num_attention_heads": 2,
    "model__micro_batch_size": 1,
    "model__attention": "blocked",
}
# Every value that is rounded to 8 bits adds to the error: few layers, and wide enough that no norm
# magnifies it by the deviation of a handful of elements. Rounding alone comes to half the bound.
COARSE = {
    "precision": "bf16",
    "model__num_layers": 1,
    "model__hidden_size": 64,
    "model__ffn_hidden_size": 64,
    "model__seq_length": 32,
    "model__micro_batch_size": 4,
}


def yaml_of(settings, sweep):
    """YAML text of dotted settings and swept keys; JSON scalars and lists are YAML, too."""
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
    """The command that starts MPI programs, allowed to start more ranks than there are cores."""
    command = shlex.split(os.environ.get("MPIEXEC") or "mpiexec")
    version = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    # Other launchers oversubscribe unasked and refuse the option.
    if "Open MPI" in version.stdout + version.stderr or "OpenRTE" in version.stdout:
        command += [] if "--oversubscribe" in command else ["--oversubscribe"]
    return command


def run_program(arguments, ranks):
    """Exit status and output of the program; ended, with its ranks, where it takes too long."""
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
            process.terminate()  # and not kill: the launcher has to end its ranks
            output, _ = process.communicate()
            output += f"\nended after {TIMEOUT_S} s"
    return process.returncode, output


def value_in(case, key):
    """The setting of a dotted key in a case.json."""
    for name in key.split("."):
        case = case[name]
    return case


class OracleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.environ.get("TIDEMARK_EXECUTABLE"):
            raise RuntimeError("set TIDEMARK_EXECUTABLE to the tidemark program")

    def check(self, sweep=None, **settings):
        """Runs the base case with the given settings (double underscores for dots) and a sweep,
        and has every dumped case compared."""
        settings = {**BASE, **{key.replace("__", "."): v for key, v in settings.items()}}
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
        """The dump holds the cases asked for, in order, and not others that agree by chance."""
        points = [dict(zip(sweep, values)) for values in itertools.product(*sweep.values())]
        for index, point in enumerate(points):
            folder = dump / f"case{index}" if len(points) > 1 else dump
            case = json.loads((folder / "case.json").read_text(encoding="utf-8"))
            for key, value in {**settings, **point}.items():
                self.assertEqual(value_in(case, key), value, f"{folder.name}: {key}")
        if len(points) > 1:
            self.assertEqual(len(list(dump.iterdir())), len(points))

    def test_one_rank(self):
        self.check({**OFF_AND_ON, **WITH_AND_WITHOUT_DROPOUT})

    def test_two_ranks(self):
        self.check({**OFF_AND_ON, **WITH_AND_WITHOUT_DROPOUT}, parallel__tensor=2)

    def test_four_ranks(self):
        self.check({**OFF_AND_ON, **WITH_AND_WITHOUT_DROPOUT}, parallel__tensor=4)

    def test_eight_ranks(self):
        self.check(
            OFF_AND_ON,
            parallel__tensor=8,
            model__num_attention_heads=8,
            model__ffn_hidden_size=40,
            model__seq_length=16,
        )

    def test_kept_gathered_inputs(self):
        self.check(
            {"parallel.keep_gathered": [False, True]}, parallel__tensor=2, parallel__sequence=True
        )

    def test_no_causal_mask(self):
        self.check(OFF_AND_ON, parallel__tensor=2, model__causal=False)

    def test_odd_sizes_on_one_rank(self):
        self.check(
            model__hidden_size=21,
            model__num_attention_heads=3,
            model__ffn_hidden_size=13,
            model__seq_length=7,
            model__micro_batch_size=1,
            bench__seed=4294967295,
        )

    def test_odd_sizes_on_three_ranks(self):
        self.check(
            OFF_AND_ON,
            parallel__tensor=3,
            model__hidden_size=33,
            model__num_attention_heads=3,
            model__ffn_hidden_size=39,
            model__seq_length=15,
            model__micro_batch_size=1,
            model__num_layers=3,
        )

    def test_ends_on_one_rank(self):
        self.check({"model.vocab_size": [37, 40], **WITH_AND_WITHOUT_DROPOUT})

    def test_ends_on_two_ranks(self):
        self.check(
            {**OFF_AND_ON, "model.vocab_size": [37, 40], "model.hidden_dropout": [0.0, 0.1]},
            parallel__tensor=2,
        )

    def test_ends_on_four_ranks(self):
        # Of a vocabulary of 10 the last rank has a single row, and two of padding.
        self.check({**OFF_AND_ON, "model.vocab_size": [10, 37, 40]}, parallel__tensor=4)

    def test_ends_of_odd_sizes_on_three_ranks(self):
        self.check(
            OFF_AND_ON,
            parallel__tensor=3,
            model__vocab_size=1001,
            model__num_layers=1,
            model__hidden_size=33,
            model__num_attention_heads=3,
            model__ffn_hidden_size=39,
            model__seq_length=15,
            model__micro_batch_size=1,
            bench__seed=4294967295,
        )

    def check_recomputation(self, sweep, **settings):
        """Every recomputation with every attention that allows it."""
        for attention, recompute in RECOMPUTE.items():
            self.check({"recompute": recompute, **sweep}, model__attention=attention, **settings)

    def test_recomputation_on_one_rank(self):
        self.check_recomputation({**WITHOUT_AND_WITH_ENDS, **CAUSAL_AND_NOT})

    def test_recomputation_on_two_ranks(self):
        self.check_recomputation({**WITHOUT_AND_WITH_ENDS, **OFF_AND_ON}, parallel__tensor=2)

    def test_recomputation_on_four_ranks(self):
        self.check_recomputation(OFF_AND_ON, parallel__tensor=4, model__vocab_size=37)

    def test_recomputation_with_kept_gathered_inputs(self):
        # Where whole layers are recomputed, none of their gathered inputs is kept.
        for attention, recompute in KEEPING.items():
            self.check(
                {"recompute": recompute, "parallel.keep_gathered": [False, True]},
                model__attention=attention,
                parallel__tensor=2,
                parallel__sequence=True,
                model__vocab_size=37,
            )

    def test_recomputation_without_dropout(self):
        self.check_recomputation(
            {"model.hidden_dropout": [0.0, 0.1]},
            parallel__tensor=2,
            parallel__sequence=True,
            model__attention_dropout=0.0,
        )

    def test_one_block_and_several(self):
        self.check({**CAUSAL_AND_NOT, "model.seq_length": [511, 512, 513, 1032]}, **LONG)

    def test_one_block_and_several_without_attention_dropout(self):
        self.check(
            {**CAUSAL_AND_NOT, "model.seq_length": [520, 1032]},
            **{**LONG, "model__attention_dropout": 0.0, "model__micro_batch_size": 2},
        )

    def test_several_blocks_on_two_ranks(self):
        self.check(
            {**OFF_AND_ON, **CAUSAL_AND_NOT, "model.seq_length": [520, 1032]},
            parallel__tensor=2,
            **LONG,
        )

    def test_several_blocks_recomputed(self):
        self.check(
            OFF_AND_ON,
            parallel__tensor=2,
            recompute="full",
            model__seq_length=520,
            model__vocab_size=37,
            **LONG,
        )

    def test_fp32(self):
        self.check(OFF_AND_ON, parallel__tensor=2, precision="fp32")

    def test_recomputation_in_fp32(self):
        self.check_recomputation(
            OFF_AND_ON, parallel__tensor=2, model__vocab_size=37, precision="fp32"
        )

    def test_bf16_on_one_rank(self):
        self.check({**WITHOUT_AND_WITH_ENDS, "model.hidden_dropout": [0.0, 0.1]}, **COARSE)

    def test_bf16_of_two_layers(self):
        self.check(OFF_AND_ON, parallel__tensor=2, **{**COARSE, "model__num_layers": 2})

    def test_bf16_on_two_ranks(self):
        self.check_recomputation(
            {**WITHOUT_AND_WITH_ENDS, **OFF_AND_ON}, parallel__tensor=2, **COARSE
        )

    def test_bf16_on_four_ranks(self):
        self.check(OFF_AND_ON, parallel__tensor=4, model__vocab_size=37, **COARSE)


if __name__ == "__main__":
    unittest.main()
