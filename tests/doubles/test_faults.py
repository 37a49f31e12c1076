#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each planted fault is caught: by the thread sanitizer, or by a line and status 3; never a hang.

Environment: TIDEMARK_EXECUTABLE, the doubles' tests built for the thread sanitizer, which run the
scenarios of scenarios.cpp. For the other variables, see harness.py.
"""
import concurrent.futures
import re
import tempfile
import unittest

# harness.py is that of the command line. This test runs another executable in the same way.
from cli import harness

RACE = "WARNING: ThreadSanitizer: data race"
RACE_STATUS = 66

IN = "in the play on rank"
MORE = r" \(NCCL_DEBUG=WARN says more\)"
POSTED = r"rank [01] posted (all_reduce|all_gather) of \d+ elements of type \d"
MISFIT = (rf"(all_reduce|all_gather|NCCL) failed {IN} [01]: "
          rf"remote error: {POSTED}, but {POSTED}{MORE}")
OVERDUE = r"not complete after [\d.]+ s \(timeout 1\.5 s\)"

# What each scenario leaves on standard error. One of the lines must match completely.
LINES = {
    "other_count": MISFIT,
    "other_type": MISFIT,
    "other_order": MISFIT,
    "other_peer": rf"(send_recv|NCCL) failed {IN} [01]: remote error: "
                  rf"rank [01] waits for rank [01], which sends to rank 0{MORE}",
    "message_of_a_group_fails": rf"send_recv failed {IN} 1: unhandled system error{MORE}",
    "host_memory": rf"all_reduce failed {IN} [01]: invalid argument: "
                   rf"a buffer is not in the memory of the device{MORE}",
    "launch_fails": rf"all_reduce failed {IN} 1: unhandled system error{MORE}",
    "event_fails": rf"all_reduce failed {IN} 1: recording an event failed: .+ \(cudaError\w+\)",
    "wait_fails": rf"all_reduce failed {IN} 1: having a stream wait for an event failed: "
                  r".+ \(cudaError\w+\)",
    "device_fails": rf"NCCL failed {IN} 1: asking for an event failed: .+ \(cudaError\w+\)",
    "asking_fails": rf"(all_reduce|NCCL) failed {IN} 1: unhandled system error{MORE}",
    "peer_hangs": rf"all_reduce is overdue {IN} 0: {OVERDUE}",
    "kernel_hangs": rf"all_reduce is overdue {IN} 0: {OVERDUE}; "
                    "the compute stream has not got to it",
    "launch_hangs": rf"all_reduce is overdue {IN} 0: not complete after [\d.]+ s \(timeout 3 s\)",
    "abort_hangs": rf"all_reduce is overdue {IN} 0: {OVERDUE}",
    "looking_hangs": rf"watching over NCCL is overdue in .+ on rank 0: {OVERDUE}",
    "allocation_fails": rf"out of memory: ncclMemAlloc failed {IN} 1: 8000 bytes were refused: "
                        rf"unhandled cuda error{MORE}",
    "registration_fails": rf"ncclCommRegister failed {IN} 1: unhandled system error{MORE}",
    "deregistration_fails": rf"ncclCommDeregister failed {IN} 1: unhandled system error{MORE}",
    "freed_while_registered": rf"ncclMemFree failed {IN} 1: invalid usage{MORE}",
    "never_given_back": rf"ending NCCL failed {IN} [01]: "
                        "1000 bytes of buffers have not been given back",
    "registered_on_one_rank": rf"(all_reduce|NCCL) failed {IN} [01]: remote error: the buffers of "
                              rf"rank 0 are registered, and those of rank 1 are not all{MORE}",
    "other_place": rf"(all_reduce|NCCL) failed {IN} [01]: remote error: the buffer of rank [01] "
                   r"lies [04] bytes into its registered memory, but [04] on rank [01]"
                   rf"{MORE}",
    "peer_hangs_with_registered": rf"all_reduce is overdue {IN} 0: {OVERDUE}",
    "init_fails": rf"ncclCommInitRankConfig failed in set-up on rank 1: "
                  rf"unhandled system error{MORE}",
    "init_hangs": r"ncclCommInitRankConfig failed in set-up on rank 0: not complete after 1\.5 s",
}
GOOD = ["good", "registered", "given_back_at_once"]
# An access that is too early finds wrong numbers, because the right ones take time to arrive.
WRONG_SUMS = ["collective_does_not_wait_for_kernel", "kernel_does_not_wait_for_collective",
              "host_does_not_wait_for_device",
              "caller_does_not_ask_until_the_call_is_on_its_stream"]
# These are also a race, whatever the timing.
RACES = [*WRONG_SUMS[:3], "kernel_overwrites_what_is_being_sent"]

# Memory is given back while the collective that the compute stream waits for is pending.
FREED = "freed_while_a_call_uses_it"


def play(scenario):
    """How the scenario ends. It runs once more if the launcher itself crashed, or hangs without
    ranks. Open MPI's launcher sometimes does so while it ends the ranks."""
    for attempt in range(3):
        with tempfile.TemporaryDirectory(prefix="tidemark-doubles-") as folder:
            try:
                result = harness.run(["--play", scenario], folder, ranks=2, limit_s=30)
            except harness.LauncherHung:
                if attempt == 2:
                    raise
                continue
        if result.status >= 0:
            break
    return result


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scenarios = [*GOOD, *LINES, *WRONG_SUMS, RACES[3], FREED]
        # The scenarios sleep more than they compute.
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            cls.results = dict(zip(scenarios, pool.map(play, scenarios)))

    def test_without_a_fault_all_is_well(self):
        for scenario in GOOD:
            with self.subTest(scenario=scenario):
                result = self.results[scenario]
                self.assertEqual((result.status, result.errors), (0, []), result)

    def test_failures_end_with_their_line_and_status_3(self):
        for scenario, line in LINES.items():
            with self.subTest(scenario=scenario):
                result = self.results[scenario]
                self.assertEqual(result.status, 3, result)
                self.assertTrue(any(re.fullmatch(line, error) for error in result.errors),
                                result.errors)
                self.assertNotIn(RACE, "\n".join(result.errors))

    def test_hung_aborts_end_all_the_same(self):
        line = rf"(watching over NCCL|ncclCommAbort) is overdue in .+ on rank 0: {OVERDUE}"
        errors = self.results["abort_hangs"].errors
        self.assertTrue(any(re.fullmatch(line, error) for error in errors), errors)

    def test_missing_waits_give_wrong_numbers(self):
        for scenario in WRONG_SUMS:
            with self.subTest(scenario=scenario):
                result = self.results[scenario]
                self.assertEqual(result.status, 3, result)
                self.assertIn("the sums are wrong", result.errors)

    def test_missing_waits_are_races(self):
        for scenario in RACES:
            with self.subTest(scenario=scenario):
                self.assertIn(RACE, "\n".join(self.results[scenario].errors))
        self.assertRegex("\n".join(self.results[FREED].errors),
                         f"{RACE}|WARNING: ThreadSanitizer: heap-use-after-free")
        # Nothing else ends this one.
        self.assertEqual(self.results[RACES[3]].status, RACE_STATUS)


if __name__ == "__main__":
    unittest.main()
