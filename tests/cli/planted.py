# SPDX-License-Identifier: BSD-3-Clause
"""Runs of the executable on libraries that are wrong in large calls: wrong_mpi.c,
wrong_blas.c, wrong_dnnl.c."""
import dataclasses
import os
import pathlib
import tempfile
from unittest import mock

import harness
from records import parse

# It has messages of 64 KiB and more on two ranks and on four, and products of 2^20 multiply-adds
# and more. The twin of a case in fp32 has neither. Messages are whole, because a choice by measured
# times may change the number of calls from run to run.
INPUT = """\
name: planted
model: {num_layers: 1, hidden_size: 128, num_attention_heads: 4, seq_length: 512}
comm: {algorithm: native, messages: whole}
bench: {warmup: 1, iterations: 2, max_iterations: 2}
"""
# TP and TP+SP under every schedule, in one run.
SEQUENCES = "sweep.parallel.sequence=[false, true]"
SCHEDULES = "sweep.overlap.mode=[none, bulk, ring]"
ALL = (SEQUENCES, SCHEDULES)
# The settings with which a run uses the library.
LIBRARIES = {"wrong_mpi": (), "wrong_blas": ("products=kokkos_kernels",)}
if harness.has_onednn():
    LIBRARIES["wrong_dnnl"] = ("products=onednn",)


@dataclasses.dataclass
class Report:
    """What the library of a rank reports at the end."""

    counted: int
    struck: int
    shapes: list


@dataclasses.dataclass
class Outcome:
    result: harness.Result
    records: list
    reports: dict  # by rank

    @property
    def counted(self):
        """The number of calls of rank 0 that could have been wrong."""
        return self.reports[0].counted

    @property
    def struck(self):
        return sum(report.struck for report in self.reports.values())


def report_of(text):
    lines = [line.split() for line in text.splitlines()]
    numbers = {key: int(value) for key, value in lines if key != "shape"}
    return Report(numbers["counted"], numbers["struck"],
                  sorted(value for key, value in lines if key == "shape"))


def settings_of(case):
    """The settings of a case in words, for the messages of assertions."""
    parallel = case["parallel"]
    return (f"t {parallel['tensor']} {'TP+SP' if parallel['sequence'] else 'TP'} "
            f"{case['overlap']['mode']} {case['comm']['algorithm']} {case['precision']}")


class TestCase(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="tidemark-planted-")
        cls.addClassCleanup(folder.cleanup)
        cls.programs = {}
        for library in LIBRARIES:
            own = pathlib.Path(folder.name, library)
            own.mkdir()
            cls.programs[library] = harness.preloading(
                pathlib.Path(__file__).with_name(f"{library}.c"), own)

    def setUp(self):
        super().setUp()
        self.write("case.yaml", INPUT)

    def run_planted(self, library, fault, *settings, ranks=2, limit_s=120, **how):
        """Runs the input with settings on a library that has the fault, or none. `how` has the
        other variables of the library, see planting.h."""
        with tempfile.TemporaryDirectory(prefix="tidemark-reports-") as reports:
            told = {"TIDEMARK_EXECUTABLE": self.programs[library], "PLANTED_REPORT": reports}
            if fault:
                told["PLANTED_FAULT"] = fault
            told.update({f"PLANTED_{key.upper()}": str(value) for key, value in how.items()})
            settings = (f"parallel.tensor={ranks}", *LIBRARIES[library], *settings)
            words = [word for setting in settings for word in ("--set", setting)]
            results = pathlib.Path(self.folder, "results.jsonl")
            results.unlink(missing_ok=True)
            with mock.patch.dict(os.environ, told):
                result = harness.run(["run", "case.yaml", "--output", "results.jsonl",
                                      "--kokkos-disable-warnings", *words],
                                     self.folder, ranks=ranks, limit_s=limit_s)
            written = {int(file.name): report_of(file.read_text(encoding="utf-8"))
                       for file in pathlib.Path(reports).iterdir()}
        self.assertEqual(sorted(written), list(range(ranks)), result)  # the library was there
        records = [parse(line) for line in results.read_text(encoding="utf-8").splitlines()]
        return Outcome(result, records, written)

    def sound(self, library, *settings, **how):
        """Expects that the same run is valid without a fault."""
        outcome = self.run_planted(library, None, *settings, **how)
        self.assertEqual((outcome.result.status, outcome.result.errors), (0, []), outcome.result)
        self.assertGreater(outcome.counted, 0)
        self.assertEqual(outcome.struck, 0)
        for record in outcome.records:
            self.assertIs(record["valid"], True, settings_of(record["case"]))
        return outcome

    def assert_invalid(self, outcome, cases, expected):
        """Expects that all cases are INVALID. Each one must fail a check of `expected`, in the
        place that the pattern of the check describes."""
        self.assertGreater(outcome.struck, 0, "the fault was not planted")
        self.assertEqual(outcome.result.status, 1, outcome.result)
        self.assertEqual(outcome.result.errors, [])
        self.assertEqual(len(outcome.records), cases)
        for record in outcome.records:
            with self.subTest(settings_of(record["case"])):
                self.assert_found(record, expected, outcome.result.output)

    def assert_found(self, record, expected, output):
        self.assertIs(record["valid"], False)
        self.assertIs(record["verification"]["passed"], False)
        self.assertIsNone(record["fom"]["tokens_per_s"])
        self.assertEqual({value for value in record["fom"].values()
                          if isinstance(value, (int, float))}, set())
        failed = {check["name"]: check["where"] for check in record["verification"]["checks"]
                  if not check["passed"]}
        found = [name for name in expected if name in failed]
        self.assertTrue(found, f"failed are {failed}")
        for name in found:
            self.assertRegex(failed[name], expected[name])
            self.assertRegex(output, rf"(?m)^  INVALID: {name}: \S+ is above \S+: ")

    def invalid(self, library, fault, *settings, cases=1, expected, **how):
        outcome = self.run_planted(library, fault, *settings, **how)
        self.assert_invalid(outcome, cases, expected)
        return outcome
