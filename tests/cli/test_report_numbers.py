#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/report: the numbers of the page are those of the records.

Drawing needs a Python that has Matplotlib, so all of these tests do.
"""
import unittest

from pages import by_first_cell
from reports import DASH, TP, TP_SP, TestCase
from samples import OVERLAPPING, changed, invalid, real, with_step
from tools import needs_matplotlib  # the next lines need it, too
from tidemark_tools.records import reader


@needs_matplotlib
class Numbers(TestCase):
    def test_the_summary_has_those_of_the_records(self):
        found = self.summary(self.page(TP, TP_SP))
        self.assertEqual(list(found), ["TP", "TP+SP"])
        for data, row in zip((TP, TP_SP), found.values()):
            step = data["time"]["step_ms"]
            self.shows(row["t"], 2)
            self.shows(row["records"], 1)
            self.shows(row["stepms"], step["median"])
            self.assertEqual(row["all stepsms"].numbers, [step["min"], step["max"]])
            self.shows(row["tokens/s"], data["fom"]["tokens_per_s"])
            self.shows(row["GFLOP/sper rank"], data["flops"]["gflops_per_rank"])
            self.shows(row["of productrate"], data["flops"]["fraction_of_gemm"])
            self.shows_mib(row["savedMiB/rank"], data["memory"]["saved_bytes"])
            self.shows_mib(row["peakMiB/rank"], data["memory"]["peak_bytes"])
            self.shows_mib(row["wireMiB/rank"], data["comm"]["wire_bytes_per_step"])
            self.assertEqual(row["E"].text, DASH)

    def test_repeats_are_one_case_by_its_medians(self):
        repeats = [with_step(TP, step) for step in (3000.0, 5000.0, 3500.0)]
        row = self.summary(self.page(*repeats, invalid(with_step(TP, 9.0))))["TP"]
        self.assertEqual(row["records"].text, "4 (1 INVALID)")
        self.shows(row["stepms"], 3500.0)
        self.assertEqual(row["all stepsms"].numbers, [3000.0, 5000.0])
        self.shows(row["tokens/s"], 1024 / 3.5)

    def test_tp_beside_tp_sp(self):
        page = self.page(TP, TP_SP)
        table, = page.tables_of("sharding")
        self.assertEqual([head.text for head in table.heads], ["", "TP", "TP+SP", "ratio"])
        found = by_first_cell(table)
        for words, value_of in (("peak, MiB/rank", lambda one: one["memory"]["peak_bytes"]),
                                ("wire, MiB/rank",
                                 lambda one: one["comm"]["wire_bytes_per_step"]),
                                ("step, ms", lambda one: one["time"]["step_ms"]["median"]),
                                ("tokens/s", lambda one: one["fom"]["tokens_per_s"])):
            values = [value_of(TP), value_of(TP_SP)]
            self.assertEqual([found[words][name].number for name in ("TP", "TP+SP")], values)
            self.shows(found[words]["ratio"], values[1] / values[0])

    def test_pairs_differ_in_nothing_else(self):
        page = self.page(TP, changed(TP_SP, case__recompute="selective"))
        self.assertEqual(page.tables_of("sharding"), [])

    def test_memory_has_its_four_numbers(self):
        page = self.page(TP)
        row = by_first_cell(page.tables_of("memory")[0])["TP"]
        memory = TP["memory"]
        for words, key in (("savedMiB", "saved_bytes"),
                           ("savedMiB a layer", "saved_bytes_per_layer"),
                           ("formulaMiB a layer", "formula_bytes_per_layer"),
                           ("peakMiB", "peak_bytes"), ("poolMiB", "pool_bytes"),
                           ("processMiB", "process_bytes")):
            self.shows_mib(row[words], memory[key])
        self.shows(row["pool / peak"], memory["pool_bytes"] / memory["peak_bytes"])

    def test_overlap_has_the_five_runs_and_e(self):
        data = [real(OVERLAPPING, index) for index in range(4)]
        page = self.page(*data)
        found = list(by_first_cell(page.tables_of("overlap")[0]).values())
        self.assertEqual(len(found), 4)
        for row, one in zip(found, data):
            for name in ("step", "serial", "compute", "compute serial", "comm"):
                self.shows(row[f"{name}ms"],
                           one["time"][f"{name.replace(' ', '_')}_ms"]["median"])
            overlap = one["overlap"]
            self.shows(row["exposedms"], overlap["exposed_ms"])
            self.shows(row["exposedms, timeline"], overlap["timeline_exposed_ms"])
            self.assertEqual(row["interval90\N{NO-BREAK SPACE}% of E"].numbers,
                             overlap["efficiency_ci"])
            self.assertEqual(row["E"].number, overlap["efficiency"])
            self.assertEqual(row["scheduleefficiency"].number, overlap["schedule_efficiency"])
            self.shows(row["split costms"], overlap["split_cost_ms"])
            self.assertEqual(row["remark"].text, "" if overlap["resolved"] else "not resolved")

    def test_plans_have_memory_and_no_time(self):
        plan = changed(TP, kind="plan", valid=None)
        for key in ("fom", "time", "overlap", "ranks_detail", "verification"):
            del plan[key]
        row = self.summary(self.page(plan))["TP"]
        self.shows_mib(row["peakMiB/rank"], TP["memory"]["peak_bytes"])
        self.assertEqual(row["stepms"].text + row["model TFLOP/sfigure of merit"].text, DASH * 2)

    def test_files_are_told_apart(self):
        page = self.page_of(self.file("old.jsonl", TP), self.file("new.jsonl", with_step(TP, 5.0)))
        found = self.summary(page)
        self.assertEqual(list(found), ["TP, in old.jsonl", "TP, in new.jsonl"])
        self.shows(found["TP, in new.jsonl"]["stepms"], 5.0)
        self.assertEqual([[cell.text for cell in row[::2]]
                          for row in page.tables_of("provenance")[0].rows],
                         [["old.jsonl", "1"], ["new.jsonl", "1"]])


@needs_matplotlib
class Merit(TestCase):
    COLUMN, INTERVAL = "model TFLOP/sfigure of merit", "interval90\N{NO-BREAK SPACE}% of TFLOP/s"

    def test_the_figure_of_merit_has_its_unit_and_interval_and_none_is_picked(self):
        page = self.page(with_step(TP, 900.0), with_step(TP_SP, 300.0))
        found = self.summary(page)
        for name, one, step in (("TP", TP, 900.0), ("TP+SP", TP_SP, 300.0)):
            rate = one["flops"]["model_per_step"] / step / 1e9
            self.shows(found[name][self.COLUMN], rate)
            self.assertEqual(found[name][self.INTERVAL].numbers, [0.98 * rate, 1.02 * rate])
        self.assertEqual(page.text["summary"].count(" TFLOP/s ["), 2)
        self.assertIn("None is picked", page.text["summary"])
        self.assertLess(page.text["summary"].index("TP, t 2"),
                        page.text["summary"].index("TP+SP, t 2"))

    def test_several_records_have_the_median_and_all_of_their_intervals(self):
        data = [with_step(TP, step) for step in (900.0, 1000.0, 1200.0)]
        rates = [one["fom"]["model_tflops_per_s"] for one in data]
        row = self.summary(self.page(*data))["TP"]
        self.shows(row[self.COLUMN], rates[1])
        self.assertEqual(row[self.INTERVAL].numbers, [0.98 * rates[2], 1.02 * rates[0]])
        data[1]["fom"]["model_tflops_per_s_ci"] = None
        self.assertEqual(self.summary(self.page(*data))["TP"][self.INTERVAL].text, DASH)

    def test_an_interval_is_two_numbers(self):
        for bad in ([1.0], [2.0, 1.0], ["1", 2.0]):
            with self.assertRaisesRegex(reader.InputError, "r.jsonl: no records"):
                self.page(changed(TP, fom__model_tflops_per_s_ci=bad))
            self.assertRegex(self.said[0], r"r.jsonl:1: fom.model_tflops_per_s_ci(\[0\])?: ")


if __name__ == "__main__":
    unittest.main()
