#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `tidemark run` reports over an emulated link: its latency, its bandwidth, how much of it is
hidden, and no figure of merit.

The tests demand no time that a busy machine could not keep. Environment: see harness.py.
"""
import unittest

from records import SEQUENCE_OFF_AND_ON, measure, once, rows_of


class EmulatedLink(unittest.TestCase):
    # Collectives of a layer that depend on each other. TP has two all-reduces in each direction. SP
    # has an all-gather and a reduce-scatter instead of each.
    CHAIN = {False: 4, True: 8}
    SWEEP = ("sweep.overlap.mode=[none, bulk, ring]", SEQUENCE_OFF_AND_ON,
             "bench.iterations=2", "bench.max_iterations=2")

    def assert_lasts(self, record, least_ms):
        """The medians of all runs that communicate must be at least this long, because noise only
        adds time."""
        parts = ["step_ms"]
        if record["overlap"]["mode"] != "none":
            parts += ["serial_ms", "comm_ms"]
        for part in parts:
            self.assertGreaterEqual(record["time"][part]["median"], least_ms, part)

    def test_is_no_figure_of_merit(self):
        result, records = once(2, "sweep.overlap.mode=[none, ring]", "emulated_link.latency_us=100",
                               "bench.max_iterations=3")
        for record in records:
            self.assertIs(record["comm"]["emulated"], True)
            self.assertIs(record["valid"], True)
            self.assertEqual(set(record["fom"].values()), {None})
        self.assertEqual(result.output.count("EMULATED link of 100 us and unlimited GB/s"), 2)
        rows = [row for row in rows_of(result.output) if row[0].startswith("mode=")]
        self.assertEqual([row[4:7] for row in rows], [["-"] * 3] * 2)

    def test_is_not_there_unasked(self):
        result, (record,) = once(2)
        self.assertIs(record["comm"]["emulated"], False)
        self.assertNotIn("EMULATED", result.output)

    def test_takes_its_latency(self):
        latency_ms = 20
        _, records = measure(2, *self.SWEEP, f"emulated_link.latency_us={latency_ms * 1000}",
                             "model.num_layers=1")
        self.assertEqual(len(records), 6)
        for record in records:
            sequence = record["case"]["parallel"]["sequence"]
            with self.subTest(mode=record["overlap"]["mode"], sequence=sequence):
                self.assert_lasts(record, self.CHAIN[sequence] * latency_ms)
                for call in record["comm"]["calls"]:
                    self.assertGreaterEqual(call["seconds"] * (1 + 1e-6),
                                            call["count"] * latency_ms / 1e3)

    def test_has_no_more_than_its_bandwidth(self):
        gbytes_per_s = 0.002
        _, records = measure(2, *self.SWEEP,
                             f"emulated_link.bandwidth_gbytes_per_s={gbytes_per_s}")
        for record in records:
            with self.subTest(mode=record["overlap"]["mode"], case=record["case"]["parallel"]):
                wire_bytes = sum(call["wire_bytes"] for call in record["comm"]["calls"])
                self.assert_lasts(record, wire_bytes / (gbytes_per_s * 1e9) * 1e3 * (1 - 1e-6))

    def test_of_a_tenth_of_the_computation_is_hidden(self):
        """Noise can hide a good efficiency, but it cannot make one. So one run that shows it is
        enough."""
        # The copies that ranks really make cost their cores time, which nothing hides. Relative to
        # the computation, it falls as 1/h, here to about one percent.
        text = ("model: {num_layers: 1, hidden_size: 1024, num_attention_heads: 16,"
                " seq_length: 512}\n"
                "bench: {warmup: 1, iterations: 5, max_iterations: 15, verify: false}\n")
        settings = ("parallel.sequence=true", "overlap.mode=ring", "overlap.progress=poll")
        (record,) = measure(2, *settings, "bench.iterations=3", "bench.max_iterations=3",
                            text=text)[1]
        seen = []
        for _ in range(5):
            # The run before gives the computation time, because the machine's speed changes.
            seconds = record["time"]["compute_ms"]["median"] / 1e3 / 10
            bandwidth = record["comm"]["wire_bytes_per_step"] / seconds / 1e9
            (record,) = measure(2, *settings,
                                f"emulated_link.bandwidth_gbytes_per_s={bandwidth:.6f}",
                                text=text, limit_s=240)[1]
            overlap = record["overlap"]
            seen.append((overlap["efficiency"], overlap["efficiency_ci"]))
            # The run measured the interval, not its middle.
            if overlap["resolved"] and overlap["efficiency_ci"][1] >= 0.9:
                return
        # If most runs are too noisy to resolve it, one resolved run may be an accident.
        if sum(efficiency is not None for efficiency, _ in seen) < 2:
            self.skipTest(f"too much noise to resolve an efficiency: {seen}")
        self.fail(f"no resolved efficiency reaches 0.9: {seen}")


if __name__ == "__main__":
    unittest.main()
