#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compares a dump of `tidemark run --dump DIR` with the oracle's own computation.

It checks the files: none missing, none unexpected, shapes and types. Replicated tensors must be
equal to the bit on all ranks, and the precision must be able to hold all values. It compares the
drawn tensors with the oracle's own random numbers. These are the parameters and, in a stack without
ends, the input and the output gradient. It compares all other tensors with the oracle's own step,
which starts from the dumped drawn tensors. In tables, the rows beyond the vocabulary must have a
gradient of 0.

    compare.py DIR    prints a table for each case and exits 1 where anything differs
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dump import case_folders, layout, read_case, sweep_problems
from stack import initial_tensors, step

# Relative, in max norm: max|x - y| / max|y|.
STEP_BOUNDS = {"fp64": 1e-10, "fp32": 1e-4, "bf16": 2e-2}
TABLES = ("embedding.weight", "output_projection.weight")  # their rows are ids
# A fused multiply-add, or bf16 by way of fp32, may round the last bit of a drawn value differently.
DRAWN_BOUND_ULP = 1.0


@dataclass(frozen=True)
class Check:
    """One line of the table. A NaN in `error` is a failure, since it compares false."""

    name: str
    against: str
    error: float
    bound: float

    @property
    def good(self):
        return bool(self.error <= self.bound)

    def line(self, width):
        verdict = "ok" if self.good else "WRONG"
        return (
            f"{self.name:<{width}}  {self.against:<12} {self.error:10.2e} {self.bound:10.1e}"
            f"  {verdict}"
        )


def relative_error(found, expected):
    """max|found - expected| / max|expected|; 0 where both are all zeros."""
    distance = np.max(np.abs(found.astype(np.float64) - expected))
    return float(distance / np.max(np.abs(expected))) if distance != 0 else 0.0


def ulp_error(found, expected, number_format):
    """Largest distance in units of the last place of `expected`, rounded to the format."""
    rounded = number_format.rounded(expected)
    distance = np.abs(found.astype(np.float64) - rounded)
    return float(np.max(distance / number_format.spacing(rounded)))


def padding_checks(dump):
    """Checks that rows for no token have a gradient of exactly 0, if there are any."""
    checks = []
    for table in TABLES:
        name = f"{table}.grad"
        padding = dump.tensors.get(name, np.zeros(0))[dump.case.model.vocab_size :]
        if padding.size:
            error = float(np.max(np.abs(padding)))
            checks.append(Check(f"{name}, padding", "0", error, 0.0))
    return checks


def numeric_checks(dump):
    """All comparisons of a complete dump, in the order of its tensors."""
    case, found, checks = dump.case, dump.tensors, []
    drawn = initial_tensors(case.model, case.seed, case.tensor)
    # A dump may hold anything, even NaN and infinities. The table shows them, and stderr stays
    # empty.
    with np.errstate(all="ignore"):
        inputs = {name: found[name].astype(np.float64) for name in drawn}
        computed = step(case.model, case.seed, inputs)
        for name, entry in layout(case).items():
            if name in drawn:
                error = ulp_error(found[name], drawn[name], entry.format)
                checks.append(Check(name, "Philox, ulp", error, DRAWN_BOUND_ULP))
            else:
                error = relative_error(found[name], computed[name])
                checks.append(Check(name, "step", error, STEP_BOUNDS[case.precision]))
    return checks + padding_checks(dump)


@dataclass(frozen=True)
class Comparison:
    """Outcome for one case: faults in words, and one check for each tensor."""

    title: str
    problems: list
    checks: list

    @property
    def good(self):
        return not self.problems and bool(self.checks) and all(c.good for c in self.checks)

    def failures(self):
        return self.problems + [f"{c.name}: {c.error:.2e}" for c in self.checks if not c.good]

    def table(self):
        width = max([len(check.name) for check in self.checks], default=6)
        lines = [self.title]
        if self.checks:
            lines.append(f"{'tensor':<{width}}  {'against':<12} {'error':>10} {'bound':>10}")
            lines += [check.line(width) for check in self.checks]
        else:
            lines.append("The dump is not complete: nothing computed.")
        lines += [f"WRONG  {problem}" for problem in self.problems]
        wrong = len(self.failures())
        lines.append(f"faults: {wrong}" if wrong else f"all {len(self.checks)} checks hold")
        return "\n".join(lines)


def compare_case(folder):
    """Comparison of the one case in `folder`."""
    dump = read_case(folder)
    title = f"{folder}: {dump.case.describe()}" if dump.case else f"{folder}"
    return Comparison(title, dump.problems, numeric_checks(dump) if dump.complete else [])


def compare_dump(root):
    """Comparisons of all cases below `root`, and the faults found at the top of it."""
    return [compare_case(folder) for folder in case_folders(root)], sweep_problems(root)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Compare a dump with the NumPy oracle.")
    parser.add_argument("dir", type=Path, metavar="DIR", help="folder given to tidemark's --dump")
    comparisons, problems = compare_dump(parser.parse_args(arguments).dir)
    for comparison in comparisons:
        print(comparison.table(), end="\n\n")
    for problem in problems:
        print(f"WRONG  {problem}")
    return 0 if not problems and all(c.good for c in comparisons) else 1


if __name__ == "__main__":
    sys.exit(main())
