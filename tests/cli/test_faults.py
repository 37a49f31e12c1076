#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A machine that fails, by wrong sums, lost ranks or calls that hang: no wrong number, no hang.

The executable runs on an MPI that fails on demand: faulty_mpi.c, compiled here and preloaded.
Environment: see harness.py.
"""
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest
from unittest import mock

import harness
from records import B, INPUT, ITERATIONS, LAYERS, S, SEQUENCE_OFF_AND_ON, parse, rows_of

TIMEOUT_S = 3
# Launchers need a moment to end the other ranks, and everything takes longer on a busy machine.
GRACE_S = 15
# This size is between those of two kinds of calls. Those of the small twin that verifies a case
# have at most 4608 bytes, for the whole. Those of the case itself have at least 8192. A fault above
# this size spares the twin.
ABOVE_TWIN = 5000
# Open MPI's own remark if a rank reads the memory of another rank that has just ended.
PARTNER_IS_GONE = re.compile(r"\[\S+:\d+\] (Read|Write) -1, expected \d+, errno = \d+$")
# What another rank of the same node says of a rank that was killed.
IS_GONE = r"^rank {} \(process [0-9]+ on \S+\) has ended without saying why: killed, or crashed$"
# Forward and backward together have four all-reduces, or four reduce-scatters, per layer.
CALLS_A_STEP = 4 * LAYERS
# The warm-up is one step, and the twin follows it. Then comes the checked step.
FIRST_OF_TWIN = CALLS_A_STEP + 1
LARGE_BEFORE_TIMED = 2 * CALLS_A_STEP
# Own algorithms tell which ranks are waited for.
RANKS = r"(rank [0-9]|ranks [0-9]([,-][0-9])+)"
HIDDEN = ("overlap.mode=ring", "comm.algorithm=pairwise")



def ranks_in(text):
    """{0, 1, 2, 5} of "ranks 0-2,5"."""
    ranks = set()
    for first, last in re.findall(r"([0-9]+)(?:-([0-9]+))?", text):
        ranks.update(range(int(first), int(last or first) + 1))
    return ranks


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


class WrongData(Faults):
    def invalid(self, *settings, failed):
        """A single case, which must be INVALID by the check `failed` wherever it is reported."""
        result, (record,) = self.run_broken(*settings)
        self.assertEqual(result.status, 1, result)
        self.assertEqual(result.errors, [])
        (row,) = [words for words in rows_of(result.output) if words[0] != "INVALID:"]
        self.assertEqual((row[3], row[-1]), ("INVALID", "INVALID"))
        self.assertIn(f"  INVALID: {failed}: ", result.output)
        self.assertIs(record["valid"], False)
        self.assertIsNone(record["fom"]["tokens_per_s"])
        self.assertIs(record["verification"]["passed"], False)
        self.assertIn(failed, [check["name"] for check in record["verification"]["checks"]
                               if not check["passed"]])
        return record

    def test_one_wrong_sum_in_the_twin(self):
        self.break_mpi("add", call=FIRST_OF_TWIN)
        self.invalid(failed="twin_output")

    def test_one_wrong_sum_in_the_twins_backward(self):
        self.break_mpi("add", rank=1, call=CALLS_A_STEP + CALLS_A_STEP // LAYERS * 2)  # its last
        self.invalid(failed="twin_input_gradient")

    def test_one_wrong_sum_of_a_reduce_scatter(self):
        self.break_mpi("add", "Reduce_scatter_block", rank=1, call=FIRST_OF_TWIN)
        self.invalid("parallel.sequence=true", failed="twin_output")

    def test_wrong_sums_in_the_full_case_only(self):
        self.break_mpi("add", above_bytes=ABOVE_TWIN, rank=1, lasting=1)
        record = self.invalid(failed="replicas_that_differ")
        failed = {check["name"] for check in record["verification"]["checks"]
                  if not check["passed"]}
        self.assertLessEqual(failed, {"replicas_that_differ", "parts_against_digests",
                                      "sums_against_contributions"})
        self.assertIn("parts_against_digests", failed)  # rank 1 has another sum than rank 0

    def test_nan_in_the_twin(self):
        self.break_mpi("nan", call=FIRST_OF_TWIN)
        self.invalid(failed="twin_output")

    def test_nan_in_the_full_case_only(self):
        self.break_mpi("nan", above_bytes=ABOVE_TWIN, rank=1, lasting=1)
        self.invalid(failed="not_finite_elements")

    def test_nan_in_the_full_case_only_of_a_reduce_scatter(self):
        self.break_mpi("nan", "Reduce_scatter_block", above_bytes=ABOVE_TWIN, lasting=1)
        self.invalid("parallel.sequence=true", failed="not_finite_elements")

    def test_one_wrong_sum_of_bf16_in_the_twin(self):
        self.break_mpi("add", rank=1, call=FIRST_OF_TWIN)
        self.invalid("precision=bf16", failed="twin_output")

    def test_nan_of_bf16_in_the_full_case_only(self):
        self.break_mpi("nan", above_bytes=ABOVE_TWIN, rank=1, lasting=1)
        self.invalid("precision=bf16", failed="not_finite_elements")

    # TP gathers only what the cross-entropy needs of each rank.
    def test_one_wrong_number_of_the_twins_loss(self):
        self.break_mpi("add", "Allgather", lasting=1)
        self.invalid("model.vocab_size=50", failed="twin_loss")

    def test_nan_in_the_loss_of_the_full_case_only(self):
        # The case gathers 24 bytes per token, and its twin has fewer tokens.
        self.break_mpi("nan", "Allgather", above_bytes=24 * S * B - 1, lasting=1)
        record = self.invalid("model.vocab_size=50", failed="not_finite_elements")
        self.assertEqual(record["loss"], "not finite")

    def test_a_bad_case_does_not_spoil_the_next(self):
        self.break_mpi("add", call=FIRST_OF_TWIN)
        result, records = self.run_broken(SEQUENCE_OFF_AND_ON)
        self.assertEqual(result.status, 1, result)
        self.assertEqual([record["valid"] for record in records], [False, True])

    def test_without_a_fault_all_is_well(self):
        self.break_mpi()
        result, records = self.run_broken(SEQUENCE_OFF_AND_ON)
        self.assertEqual((result.status, result.errors), (0, []))
        self.assertEqual([record["valid"] for record in records], [True, True])


class FailedCalls(Faults):
    def failed(self, expected, *settings, ranks=2, finished=0):
        """The job must end with status 3 and the one line `expected`. Cases before must be on
        disk."""
        result, records = self.run_broken(*settings, ranks=ranks)
        self.assertEqual(result.status, 3, result)
        self.assertEqual(len(result.errors), 1, result.errors)
        self.assertRegex(result.errors[0], expected)
        self.assertEqual([record["valid"] for record in records], [True] * finished)

    # Of several pending calls, the first one fails. The buffers of the others are abandoned with
    # it.
    def test_while_other_calls_are_under_way(self):
        for mode, sequence in (("ring", "true"), ("ring", "false"), ("bulk", "true")):
            for call in (3, 4, 40):
                with self.subTest(mode=mode, sequence=sequence, call=call):
                    self.break_mpi("error", "Isend", above_bytes=ABOVE_TWIN // 10, rank=1,
                                   call=call, lasting=1)
                    self.failed(r"^\w+ failed in .+ of case 1 on rank 1: .+",
                                f"overlap.mode={mode}", f"parallel.sequence={sequence}",
                                "overlap.chunks=2", "comm.algorithm=pairwise")
                    self.forget_ranks()

    def test_in_a_timed_step(self):
        self.break_mpi("error", above_bytes=ABOVE_TWIN, rank=1, call=LARGE_BEFORE_TIMED + 1)
        self.failed(rf"^all_reduce failed in iteration 1/{ITERATIONS} of case 1 on rank 1: .+")

    def test_in_the_second_case(self):
        self.break_mpi("error", "Reduce_scatter_block", above_bytes=ABOVE_TWIN,
                       call=LARGE_BEFORE_TIMED + ITERATIONS * CALLS_A_STEP)
        self.failed(rf"^reduce_scatter failed in iteration {ITERATIONS}/{ITERATIONS} of case 2 on "
                    "rank 0: .+", SEQUENCE_OFF_AND_ON, finished=1)

    def test_on_one_of_four_ranks(self):
        self.break_mpi("error", "Allreduce", rank=2)
        self.failed("^all_reduce failed in .+ of case 1 on rank 2: .+", ranks=4)

    # The number of calls that the set-up makes depends on the machine. So the fault moves on until
    # it strikes in the case. Each call of the set-up that it strikes before must be named as well.
    def test_of_the_harness_itself(self):
        for call in range(10, 40):
            self.break_mpi("error", "Allgather", rank=1, call=call)
            result, _ = self.run_broken()
            self.assertEqual((result.status, len(result.errors)), (3, 1), result)
            if not re.match(r"^.+ failed in set-up on rank 1: .+", result.errors[0]):
                break
            self.forget_ranks()
        self.assertRegex(result.errors[0],
                         r"^(\w+_over_ranks|gather_bytes) failed in .+ of case 1 on rank 1: .+")


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
