#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ranks that are killed or stopped, and calls that never return: the job ends in time and says why.

The executable runs on an MPI that fails on demand, see faulty.py. Environment: see harness.py.
"""
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest

from faulty import ABOVE_TWIN, CALLS_A_STEP, GRACE_S, LARGE_BEFORE_TIMED, TIMEOUT_S, Faults
import harness
from records import ITERATIONS, SEQUENCE_OFF_AND_ON

# Open MPI's own remark if a rank reads the memory of another rank that has just ended.
PARTNER_IS_GONE = re.compile(r"\[\S+:\d+\] (Read|Write) -1, expected \d+, errno = \d+$")
# What another rank of the same node says of a rank that was killed.
IS_GONE = r"^rank {} \(process [0-9]+ on \S+\) has ended without saying why: killed, or crashed$"
# Own algorithms tell which ranks are waited for.
RANKS = r"(rank [0-9]|ranks [0-9]([,-][0-9])+)"
HIDDEN = ("overlap.mode=ring", "comm.algorithm=pairwise")


def ranks_in(text):
    """{0, 1, 2, 5} of "ranks 0-2,5"."""
    ranks = set()
    for first, last in re.findall(r"([0-9]+)(?:-([0-9]+))?", text):
        ranks.update(range(int(first), int(last or first) + 1))
    return ranks


class LostRanks(Faults):
    def assert_overdue(self, result, line, ranks):
        """The run must end in time, with status 3 and the line `line` of at least one of `ranks`.
        Returns, by rank, the other ranks that the line of one of `ranks` waits for."""
        self.assertIn(result.status, harness.failed_statuses(), result)
        self.assertLess(result.seconds, TIMEOUT_S + GRACE_S)
        found = []
        missing = {}
        for error in result.errors:
            if PARTNER_IS_GONE.match(error):
                continue
            self.assertRegex(error, rf"^{line} on rank [0-9]: not complete after "
                             rf"{TIMEOUT_S}\.[0-9] s \(timeout {TIMEOUT_S} s\)"
                             rf"(; (nothing came from {RANKS}|{RANKS} did not take what was sent))?"
                             rf"(; {RANKS} (has|have) ended)?(; {RANKS} (is|are) stopped)?$")
            found.append(int(error.partition(" on rank ")[2][0]))
            if found[-1] in ranks:
                waited_for = error.partition("; ")[2]
                missing[found[-1]] = ranks_in(waited_for)
        self.assertEqual(len(found), len(set(found)))  # each rank speaks once
        self.assertTrue(set(found) & set(ranks), found)
        return missing

    def test_a_call_that_hangs(self):
        self.break_mpi("hang", above_bytes=ABOVE_TWIN, rank=1,
                       call=LARGE_BEFORE_TIMED + CALLS_A_STEP)
        result, records = self.run_broken()
        self.assert_overdue(result, f"all_reduce is overdue in iteration 1/{ITERATIONS} of case 1",
                            (0, 1))
        self.assertEqual(records, [])

    def test_a_call_that_hangs_in_the_second_case(self):
        self.break_mpi("hang", "Reduce_scatter_block", above_bytes=ABOVE_TWIN,
                       call=LARGE_BEFORE_TIMED + 1)
        result, records = self.run_broken(SEQUENCE_OFF_AND_ON)
        self.assert_overdue(result, f"reduce_scatter is overdue in iteration 1/{ITERATIONS} of "
                            "case 2", (0, 1))
        self.assertEqual([record["valid"] for record in records], [True])

    def names_the_lost(self, result, rank):
        """Whether a rank said in one line that another one has gone. MPICH's launcher kills the
        others at once, sometimes before they say so. All other launchers give them time."""
        lines = [line for line in result.errors if not PARTNER_IS_GONE.match(line)]
        if not lines and harness.launcher() == "hydra":
            return False
        self.assertEqual(len(lines), 1, result.errors)
        self.assertRegex(lines[0], IS_GONE.format(rank))
        return True

    def assert_ends_without(self, rank):
        self.break_mpi("kill", "Reduce_scatter_block", rank=rank)
        for _ in range(6):
            pathlib.Path(self.folder, "results.jsonl").unlink(missing_ok=True)
            self.forget_ranks()
            if self.ends_without(rank):
                return
        self.fail("no job had a line that names the rank")

    def ends_without(self, rank):
        result, records = self.run_broken(SEQUENCE_OFF_AND_ON)
        self.assertNotEqual(result.status, 0)  # the launcher chooses which one
        self.assertLess(result.seconds, GRACE_S)
        self.assertEqual([record["valid"] for record in records], [True])
        return self.names_the_lost(result, rank)

    def test_a_killed_rank(self):
        self.assert_ends_without(rank=1)

    def test_a_killed_rank_zero(self):
        self.assert_ends_without(rank=0)

    def interrupt(self, signal_number, rank, *settings, ranks=2):
        """Sends a rank a signal when the first case has ended. Returns how the run ends from then
        on."""
        command = harness.command(ranks, self.arguments(
            ranks, "sweep.bench.iterations=[1, 1000000]", *settings))
        process = subprocess.Popen(command, cwd=self.folder, env=harness.environment(),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            results = pathlib.Path(self.folder, "results.jsonl")
            self.wait_for(lambda: results.exists() and results.stat().st_size > 0, "a record",
                          4 * GRACE_S)
            time.sleep(0.5)  # into the steps of the second case
            start = time.monotonic()
            os.kill(self.ranks()[rank], signal_number)
            output, errors = process.communicate(timeout=TIMEOUT_S + 2 * GRACE_S)
        except BaseException:
            harness.end(process)
            raise
        return harness.Result(process.returncode, output, harness.own_lines(errors),
                              time.monotonic() - start)

    def assert_notices_stop_of(self, rank, *settings, ranks=2):
        """Returns the lines that survivors left, and the ranks that these lines name as missing."""
        self.break_mpi()
        result = self.interrupt(signal.SIGSTOP, rank, *settings, ranks=ranks)
        # The error may be anywhere after the first case. Launchers may wake a rank before they end
        # it, and then it finds itself overdue, too.
        others = [other for other in range(ranks) if other != rank]
        missing = self.assert_overdue(result, r"\w[\w ]* is overdue in (.+ of case 2|set-up)",
                                      others)
        self.assert_all_ended()
        self.assertEqual([record["valid"] for record in self.records()], [True])
        return result.errors, set().union(*missing.values())

    def assert_names(self, rank, *settings, ranks=2, instead=()):
        """Expects that a stopped rank is named as missing, or ranks that wait for it themselves."""
        lines, missing = self.assert_notices_stop_of(rank, *HIDDEN, *settings, ranks=ranks)
        if missing:
            self.assertTrue(missing & {rank, *instead}, lines)
            return
        # The harness gathers by the library's own collectives, which do not tell which rank is
        # missing.
        for line in lines:
            if not PARTNER_IS_GONE.match(line):
                self.assertRegex(line, r"^(\w+_over_ranks|\w+_bytes) is overdue ")

    def assert_notices_death_of(self, rank, *settings, ranks=2):
        self.break_mpi()
        result = self.interrupt(signal.SIGKILL, rank, *settings, ranks=ranks)
        self.assertNotEqual(result.status, 0)  # the launcher chooses which one
        self.assertLess(result.seconds, GRACE_S)
        self.names_the_lost(result, rank)
        self.assert_all_ended()
        self.assertEqual([record["valid"] for record in self.records()], [True])

    def assert_first_names(self, rank):
        """The first line says which rank is stopped, although the library's own call cannot tell.
        By the time of the second line, the launcher may have woken the rank."""
        lines, _ = self.assert_notices_stop_of(rank)
        self.assertRegex(lines[0], rf"; rank {rank} is stopped$")

    def test_a_stopped_rank(self):
        self.assert_first_names(1)

    def test_a_stopped_rank_zero(self):
        self.assert_first_names(0)

    def test_a_stopped_rank_while_communication_is_hidden(self):
        self.assert_names(1)

    def test_a_stopped_rank_of_four_while_communication_is_hidden(self):
        self.assert_names(2, ranks=4)

    def test_a_stopped_rank_of_four_in_a_ring(self):
        # Each rank waits for its neighbour in the ring, and the first one to wait is overdue first.
        self.assert_names(0, "parallel.sequence=true", ranks=4, instead=(1, 2, 3))

    def test_a_killed_rank_while_communication_is_hidden(self):
        self.assert_notices_death_of(1, *HIDDEN)

    def test_a_killed_rank_of_four_while_communication_is_hidden(self):
        self.assert_notices_death_of(0, *HIDDEN, "parallel.sequence=true", ranks=4)


if __name__ == "__main__":
    unittest.main()
