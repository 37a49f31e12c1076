#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Kills, stops and crashes ranks at random moments from exec to exit: every job must end in time.

    never_a_hang.py [--faults N] [--seed SEED] [--longest SECONDS]

Prints each job that did not end as it should, and at the end how many faults struck, by kind. Exit
status 1 where any job did not. 300 faults take about 40 minutes on two cores. Environment:
TIDEMARK_EXECUTABLE, MPIEXEC and MPICC, see tests/cli/harness.py.
"""
import argparse
import collections
import pathlib
import random
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))

import harness  # noqa: E402
import stopping  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, default=4.0,
                        help="the latest moment, in seconds from the launcher's start")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    struck = collections.Counter()
    missed = wrong = 0
    with tempfile.TemporaryDirectory(prefix="tidemark-never-a-hang-") as base:
        program = harness.preloading(stopping.SOURCE, base)
        while sum(struck.values()) < options.faults:
            ranks = rng.choice((2, 4))
            with tempfile.TemporaryDirectory(dir=base) as folder:
                fault, outcome = stopping.at_random(folder, program, ranks,
                                                    rng.uniform(0.0, options.longest),
                                                    rng.getrandbits(32))
            if not outcome.struck:
                missed += 1
                continue
            struck[" ".join(fault.split()[:1] + fault.split()[4:6])] += 1
            if complaints := outcome.complaints():
                wrong += 1
                print(f"{fault}: {'; '.join(complaints)}: {outcome}", flush=True)
    for kind, count in sorted(struck.items()):
        print(f"{kind}: {count}")
    print(f"{sum(struck.values())} faults, {wrong} of them did not end as they should; {missed} "
          "came too late")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
