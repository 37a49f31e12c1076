#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How scripts start ranks, depending on the version text of the launcher (scripts/lib.sh)."""
import os
import pathlib
import subprocess
import sys
import unittest

import harness

LIBRARY = pathlib.Path(__file__).resolve().parents[2] / "scripts/lib.sh"
SAID = {
    "openmpi4": "mpirun (Open MPI) 4.1.4\n\nReport bugs to http://www.open-mpi.org/community/help/",
    "openmpi5": "mpirun (Open MPI) 5.0.7\n\nReport bugs to "
                "https://www.open-mpi.org/community/help/",
    "mpich": "HYDRA build details:\n    Version:                                 4.0.2",
    "intel": "Intel(R) MPI Library for Linux* OS, Version 2021.10 Build 20230619",
    "unknown": "mpirun of somebody else, version 5.0",
}
MORE_RANKS_THAN_CORES = str(4 * (os.cpu_count() or 1))


class Launchers(harness.TestCase):
    def launcher(self, said):
        """A launcher that prints this as its version."""
        path = pathlib.Path(self.folder, "mpirun")
        path.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\n", encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    def ask(self, command, **variables):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith(("OMPI_", "PRTE_", "I_MPI_", "OMP_"))}
        done = subprocess.run(["bash", "-c", f"set -euo pipefail; source {LIBRARY}; {command}"],
                              env={**environment, **variables}, capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return done.stdout.split()

    def test_are_told_apart(self):
        for kind, said in SAID.items():
            self.assertEqual(self.ask(f"launcher_kind {self.launcher(said)}"), [kind])
        self.assertEqual(self.ask("launcher_kind /no/such/launcher"), ["unknown"])

    def line(self, kind, ranks, **variables):
        mpirun = self.launcher(SAID[kind])
        command = (f"launch_here {mpirun} {ranks}; "
                   "echo \"${launch[@]}\" I_MPI_PIN=\"${I_MPI_PIN:-}\"")
        words = self.ask(command, **variables)
        self.assertEqual(words[:3], [mpirun, "-n", ranks])
        return words[3:-1], words[-1]

    def test_get_options_of_their_own(self):
        more = MORE_RANKS_THAN_CORES
        unbound = {"openmpi4": ["--oversubscribe", "--bind-to", "none"],
                   "openmpi5": ["--map-by", ":oversubscribe", "--bind-to", "none"],
                   "mpich": ["-bind-to", "none"], "intel": [], "unknown": []}
        for kind, options in unbound.items():
            self.assertEqual(self.line(kind, more)[0], options)
            self.assertEqual(self.line(kind, "1", OMP_NUM_THREADS="2")[0], options)
        self.assertEqual(self.line("openmpi4", "1")[0][-2:], ["--bind-to", "core:overload-allowed"])
        self.assertEqual(self.line("mpich", "1")[0], ["-bind-to", "core"])
        self.assertEqual(self.line("intel", more)[1], "I_MPI_PIN=0")
        self.assertEqual(self.line("intel", "1")[1], "I_MPI_PIN=")

    def test_of_these_tests_are_told_apart(self):
        expected = {"openmpi4": "open mpi 4", "openmpi5": "open mpi 5", "mpich": "hydra",
                    "intel": "hydra", "unknown": "unknown"}
        before = os.environ.get("MPIEXEC")
        self.addCleanup(lambda: os.environ.pop("MPIEXEC") if before is None
                        else os.environ.__setitem__("MPIEXEC", before))
        for kind, said in SAID.items():
            os.environ["MPIEXEC"] = self.launcher(said)
            self.assertEqual(harness.launcher(), expected[kind])


if __name__ == "__main__":
    sys.exit(unittest.main())
