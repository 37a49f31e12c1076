# SPDX-License-Identifier: BSD-3-Clause
"""Runs of the executable on an MPI that fails on demand, by wrong sums, lost ranks or calls that
hang: faulty_mpi.c, compiled here and preloaded."""
import os
import pathlib
import signal
import tempfile
import time
from unittest import mock

import harness
from records import INPUT, LAYERS, parse

TIMEOUT_S = 3
# Launchers need a moment to end the other ranks, and everything takes longer on a busy machine.
GRACE_S = 15
# This size is between those of two kinds of calls. Those of the small twin that verifies a case
# have at most 4608 bytes, for the whole. Those of the case itself have at least 8192. A fault above
# this size spares the twin.
ABOVE_TWIN = 5000
# Forward and backward together have four all-reduces, or four reduce-scatters, per layer.
CALLS_A_STEP = 4 * LAYERS
# The warm-up is one step, and the twin follows it. Then comes the checked step.
FIRST_OF_TWIN = CALLS_A_STEP + 1
LARGE_BEFORE_TIMED = 2 * CALLS_A_STEP


class Faults(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="tidemark-faults-")
        cls.addClassCleanup(folder.cleanup)
        cls.program = harness.preloading(pathlib.Path(__file__).with_name("faulty_mpi.c"),
                                         folder.name)

    def setUp(self):
        super().setUp()
        self.write("case.yaml", INPUT)
        self.pids = pathlib.Path(self.folder, "pids")
        self.pids.mkdir()
        self.addCleanup(self.kill_survivors)

    def break_mpi(self, kind=None, operation="Allreduce", **how):
        """From now to the end of the test, runs have the fault; see faulty_mpi.c."""
        settings = {"TIDEMARK_EXECUTABLE": self.program, "FAULTY_MPI_PIDS": str(self.pids)}
        if kind:
            settings.update(FAULTY_MPI_KIND=kind, FAULTY_MPI_OPERATION=operation)
        settings.update({f"FAULTY_MPI_{key.upper()}": str(value) for key, value in how.items()})
        patch = mock.patch.dict(os.environ, settings)
        patch.start()
        self.addCleanup(patch.stop)

    def arguments(self, ranks, *settings):
        # Only the library's own collectives fail on demand, in calls that are counted.
        settings = (f"parallel.tensor={ranks}", f"bench.timeout_s={TIMEOUT_S}",
                    "comm.algorithm=native", *settings)
        return ["run", "case.yaml", "--output", "results.jsonl", "--kokkos-disable-warnings",
                *(word for setting in settings for word in ("--set", setting))]

    def run_broken(self, *settings, ranks=2):
        """Runs the case. Returns the result, and the records that are on disk at the end."""
        result = harness.run(self.arguments(ranks, *settings), self.folder, ranks=ranks)
        self.assertEqual(len(self.ranks()), ranks)  # the library was there
        self.assert_all_ended()
        return result, self.records()

    def records(self):
        text = pathlib.Path(self.folder, "results.jsonl").read_text(encoding="utf-8")
        self.assertTrue(text == "" or text.endswith("\n"), text)
        return [parse(line) for line in text.splitlines()]

    def forget_ranks(self):
        """Prepares another run of the same test."""
        for file in self.pids.iterdir():
            file.unlink()

    def ranks(self):
        """The process of each rank, by rank."""
        return {int(file.read_text(encoding="utf-8")): int(file.name)
                for file in self.pids.iterdir() if not file.suffix}

    def survivors(self):
        return [pid for pid in self.ranks().values() if harness.is_running(pid)]

    def assert_all_ended(self):
        self.wait_for(lambda: not self.survivors(), "all ranks to end")

    def wait_for(self, condition, what, limit_s=GRACE_S):
        end = time.monotonic() + limit_s
        while not condition():
            self.assertLess(time.monotonic(), end, f"waited too long for {what}")
            time.sleep(0.05)

    def kill_survivors(self):
        for pid in self.survivors():
            os.kill(pid, signal.SIGKILL)
