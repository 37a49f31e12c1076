#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/report: the page is complete, says what the records say, and names bad ones.

Drawing needs a Python that has Matplotlib. So do all tests except those of reading.
"""
import importlib.util
import json
import os
import pathlib
import resource
import subprocess
import sys
import time
import types
import unittest
import unittest.mock

import harness
from pages import Page, by_first_cell
from records import measure
from samples import (EMULATED, OVERLAPPING, PLAIN, ROOT, UNKNOWN_VERSIONS, as_version_2, changed,
                     invalid, lines, on_ranks, parsed, real, stored, stored_path, with_step)
import tools  # noqa: F401  the next lines need it
from tidemark_tools.records import reader
from tidemark_tools.reporting import gathering, lines as scaling_lines, whole

REPORT = ROOT / "scripts" / "report"

MIB = 2**20
HAS_MATPLOTLIB = importlib.util.find_spec("matplotlib") is not None
needs_matplotlib = unittest.skipUnless(HAS_MATPLOTLIB, "this Python has no Matplotlib")
WITH_TIDE = real(PLAIN, 0)
# Without the parts that are drawn, because drawing takes time.
TP, TP_SP = (changed(real(PLAIN, index), memory__tide=None, memory__by_tensor=[])
             for index in (0, 1))
DASH = "\N{EN DASH}"
SLOW = {"slow_rank": 2, "share": 0.2}


class TestCase(harness.TestCase):
    def page(self, *data, **options):
        """The page of one file of records, made in this process."""
        return self.page_of(self.file("r.jsonl", *data), **options)

    def file(self, name, *data):
        self.write(name, lines(*data))
        return os.path.join(self.folder, name)

    def page_of(self, *paths, **options):
        remarks = reader.Remarks(lambda text: None)
        self.said = remarks.lines
        given = {"title": "Tidemark report", "criteria": None, "trace": [], "executable": None}
        page = Page(whole.report(types.SimpleNamespace(**{**given, "records": paths, **options}),
                                 remarks))
        self.assertEqual(page.faults, [])
        return page

    def summary(self, page):
        table, = page.tables_of("summary")
        return by_first_cell(table)

    def shows(self, cell, value):
        """The exact value is in the cell, and its words agree with it."""
        self.assertAlmostEqual(cell.number, value, delta=1e-12 * abs(value))
        words = cell.text.replace("\N{NARROW NO-BREAK SPACE}", "")
        shown = float(words.replace("\N{MINUS SIGN}", "-"))
        self.assertAlmostEqual(shown, value, delta=6e-4 * max(abs(value), 1))

    def shows_mib(self, cell, value):
        self.assertEqual(cell.number, value)
        self.assertEqual(cell.text.replace("\N{NARROW NO-BREAK SPACE}", ""), f"{value / MIB:.2f}")


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
class Scaling(TestCase):
    def rows(self, page):
        """(heading of the line, t, hosts, efficiency) of each point."""
        found, line = [], ""
        for row in page.tables_of("scaling")[0].rows:
            if len(row) == 1:
                line = row[0].text
            else:
                found.append((line, int(row[0].text), row[1].number, round(row[6].number, 9)))
        return found

    def test_strong_scaling_is_measured_by_the_rate_of_a_rank(self):
        page = self.page(*(with_step(on_ranks(TP, t), step)
                           for t, step in ((1, 800.0), (2, 500.0), (4, 250.0))))
        self.assertEqual(self.rows(page), [("strong: TP", 1, 1, 1.0), ("strong: TP", 2, 1, 0.8),
                                           ("strong: TP", 4, 1, 0.8)])
        self.assertIn("scaling-1", page.figures)

    def test_weak_scaling_is_a_problem_that_grows(self):
        def grown(t, step):
            data = changed(TP, case__model__micro_batch_size=t,
                           flops__model_per_step=t * TP["flops"]["model_per_step"])
            return with_step(on_ranks(data, t), step)
        page = self.page(grown(1, 400.0), grown(2, 500.0), grown(4, 800.0))
        self.assertEqual(self.rows(page), [("weak: TP", 1, 1, 1.0), ("weak: TP", 2, 1, 0.8),
                                           ("weak: TP", 4, 1, 0.5)])

    def test_a_line_for_each_number_of_hosts_from_one_base(self):
        def place(t, hosts, step, mode="ring"):
            data = changed(TP, case__overlap__mode=mode, overlap__mode=mode)
            return with_step(on_ranks(data, t, hosts), step)
        page = self.page(place(1, 1, 800.0, "none"), place(2, 1, 400.0), place(4, 1, 200.0),
                         place(2, 2, 500.0), place(4, 2, 400.0))
        one, two = "strong: TP, hosts 1", "strong: TP, hosts 2"
        self.assertEqual(self.rows(page), [
            (one, 1, 1, 1.0), (one, 2, 1, 1.0), (one, 4, 1, 1.0),
            (two, 1, 1, 1.0), (two, 2, 2, 0.8), (two, 4, 2, 0.5)])

    def test_one_line_through_a_file_for_each_t(self):
        paths = [self.file(f"{t}.jsonl", with_step(on_ranks(TP, t), 800.0 / t)) for t in (1, 2, 4)]
        self.assertEqual([row[1:] for row in self.rows(self.page_of(*paths))],
                         [(1, 1, 1.0), (2, 1, 1.0), (4, 1, 1.0)])

    def test_no_line_without_several_t(self):
        self.assertEqual(self.page(TP, TP_SP).tables_of("scaling"), [])


@needs_matplotlib
class Stragglers(TestCase):
    def test_a_planted_slow_rank_is_seen_and_marked(self):
        data = on_ranks(TP, 4, hosts=2)
        for rank, busy in enumerate((100.0, 101.0, 120.0, 99.0)):
            data["ranks_detail"][rank]["busy_ms"] = busy
        page = self.page({**data, "test": SLOW}, changed(TP, case__name="x"))
        table = page.tables_of("stragglers")[0]
        self.assertEqual([head.text for head in table.heads],
                         ["Case", "node0rank 0", "node0rank 1", "node1rank 2", "node1rank 3",
                          "slowestrank, host, ratio"])
        row, = table.rows
        self.assertEqual([cell.number for cell in row[1:5]], [1.0, 1.01, 1.2, 0.99])
        self.assertEqual(row[5].text, "rank 2 on node1, 1.20")
        red, green, blue = map(int, row[3].style[len("background:rgb("):-1].split(","))
        self.assertTrue(red > green > blue, row[3].style)  # orange, not blue
        self.assertEqual(row[1].style, "background:rgb(255,255,255)")
        self.assertIn("PLANTED SLOW RANK", row[0].text)
        self.assertIn("PLANTED SLOW RANK: a rank was made slow on purpose", page.text["head"])

    def test_a_run_with_a_planted_slow_rank_is_nobody_elses_repeat_and_no_scaling(self):
        planted = {**changed(with_step(TP, 9.0), fom__tokens_per_s=None), "test": SLOW}
        page = self.page(TP, planted, with_step(on_ranks(TP, 4), 5.0),
                         {**with_step(on_ranks(TP, 8), 5.0), "test": SLOW})
        table, = page.tables_of("summary")
        self.assertEqual([(row[0].text, row[2].number) for row in table.rows if len(row) > 1],
                         [("TP", 1), ("TP PLANTED SLOW RANK", 1), ("TP", 1),
                          ("TP PLANTED SLOW RANK", 1)])
        self.assertEqual([row[0].text for row in page.tables_of("scaling")[0].rows],
                         ["strong: TP", "2", "4"])

    def test_old_records_say_it_by_what_ranks_waited(self):
        data = real(OVERLAPPING)
        for rank in data["ranks_detail"]:
            rank.pop("busy_ms", None)
        busy = [rank["step_ms"] - rank["blocked_ms"] for rank in data["ranks_detail"]]
        row, = self.page(data).tables_of("stragglers")[0].rows
        self.assertEqual([cell.number for cell in row[1:3]], [one / min(busy) for one in busy])

    def test_of_many_ranks_each_host_shows_its_slowest(self):
        data = on_ranks(TP, 64, hosts=8)
        for rank in data["ranks_detail"]:
            rank["busy_ms"] = 150.0 if rank["rank"] == 13 else 100.0
        page = self.page(data)
        table = page.tables_of("stragglers")[0]
        self.assertEqual([head.text for head in table.heads[1:3]],
                         ["node0slowest rank", "node1slowest rank"])
        self.assertEqual([cell.number for cell in table.rows[0][1:4]], [1.0, 1.5, 1.0])
        self.assertIn("rank 13 on node1, 1.50", table.rows[0][9].text)


@needs_matplotlib
class Honesty(TestCase):
    def test_an_invalid_record_has_no_figure_of_merit_and_no_other(self):
        bad = invalid(TP)
        bad["fom"].update(tokens_per_s=77.25, model_tflops_per_s=78.25,
                          model_tflops_per_s_ci=[79.25, 80.25])  # even if a record has one
        page = self.page(bad, TP_SP)
        row = self.summary(page)["TP"]
        self.assertEqual(row["model TFLOP/sfigure of merit"].text, "INVALID")
        self.assertEqual({cell.text for name, cell in row.items()
                          if name not in ("Case", "t", "records",
                                          "model TFLOP/sfigure of merit")},
                         {DASH})
        numbers = [number for table in page.tables for row in table.rows for cell in row
                   for number in cell.numbers]
        for forbidden in (77.25, 78.25, 79.25, 80.25, bad["time"]["step_ms"]["median"],
                          bad["memory"]["peak_bytes"]):
            self.assertNotIn(forbidden, numbers)
        table, = page.tables_of("invalid")
        self.assertEqual([cell.text for cell in table.rows[0][1:]],
                         ["TP", "twin_output (output)", "0.25", "1e-05"])
        self.assertIn("INVALID: 1 record failed a check", page.text["head"])
        self.assertEqual(page.tables_of("sharding"), [])

    def test_a_run_that_was_not_verified_has_no_figure_of_merit(self):
        page = self.page(changed(TP, valid=None, fom__tokens_per_s=None,
                                 fom__model_tflops_per_s=None, fom__model_tflops_per_s_ci=None))
        row = self.summary(page)["TP, not verified"]
        self.assertEqual(row["model TFLOP/sfigure of merit"].text, DASH)
        self.shows(row["stepms"], TP["time"]["step_ms"]["median"])
        self.assertIn("No record has a figure of merit", page.text["summary"])

    def test_emulated_links_are_marked_everywhere(self):
        page = self.page(*(real(EMULATED, index) for index in range(8)))
        self.assertIn("EMULATED: over a link that does not exist", page.text["head"])
        for section in ("summary", "overlap", "stragglers"):
            for row in page.tables_of(section)[0].rows:
                if len(row) > 1:
                    self.assertIn("EMULATED", row[0].text)
        self.assertIn("bandwidth-1", page.figures)

    def test_what_is_not_shown_is_said(self):
        page = self.page(*(changed(TP, case__model__rope_theta=float(i)) for i in range(1, 101)))
        self.assertIn("Shown are the first 60 of 100 cases; 40 are left out here.",
                      page.text["summary"])
        self.assertIn("Figures are drawn of the first 6 of 100 problems.", page.text["memory"])

    def test_provenance_says_once_what_is_shared_and_each_difference(self):
        other = changed(TP_SP, provenance__git_hash="0123456789ab",
                        provenance__time_utc="2031-01-01T00:00:00Z")
        page = self.page(TP, changed(TP, case_index=1), other)
        shared, differing = page.tables_of("provenance")[1:3]
        self.assertEqual([row[1].text for row in shared.rows if row[0].text == "kokkos.version"],
                         [TP["provenance"]["kokkos"]["version"]])
        found = [[cell.text for cell in row] for row in differing.rows]
        self.assertIn(["0123456789ab", "1"], [row[:2] for row in found])
        self.assertIn([TP["provenance"]["git_hash"], "2"], [row[:2] for row in found])
        self.assertRegex(page.text["provenance"], "to 2031-01-01T00:00:00Z")

    def test_names_are_words_and_no_markup(self):
        page = self.page(changed(TP, case__name="<script>alert(1)</script>&amp;"))
        self.assertNotIn("script", page.tags)
        self.assertIn("<script>alert(1)</script>&amp;: L 2", page.text["summary"])


@needs_matplotlib
class Script(TestCase):
    def report(self, *arguments, limit_s=300):
        result = subprocess.run([sys.executable, str(REPORT), *arguments], cwd=self.folder,
                                capture_output=True, text=True, timeout=limit_s, check=False)
        return result.returncode, result.stdout, result.stderr.splitlines()

    def made(self, name="report.html"):
        return pathlib.Path(self.folder, name).read_text(encoding="utf-8")

    def test_the_page_is_whole_and_stands_alone(self):
        names = ("quickstart/records.jsonl", "overlap/two-nodes-1gbit.jsonl", "overlap/links.jsonl")
        paths = [self.file(name.rpartition("/")[2], *map(
            as_version_2, parsed(ROOT / "results" / name))) for name in names]
        trace = str(ROOT / "results/overlap/two-nodes-1gbit.trace.json")
        status, output, errors = self.report(*paths, "--trace", trace, "-o", "a/page.html")
        self.assertEqual((status, output, errors), (0, "a/page.html\n", []))
        text = self.made("a/page.html")
        page = Page(text)
        self.assertEqual(page.faults, [])
        self.assertEqual(len(page.ids), len(set(page.ids)))
        self.assertEqual([link for link in page.links if not link.startswith("#")
                          or link[1:] not in page.ids], [])
        self.assertEqual({"script", "link", "img", "iframe", "object"} & set(page.tags), set())
        self.assertNotRegex(text, r"https?:|@import|url\((?!#)")
        for section in ("summary", "sharding", "memory", "overlap", "stragglers", "provenance",
                        "terms"):
            self.assertIn(section, page.text)
            self.assertIn(f"#{section}", page.links)
        self.assertEqual(set(page.figures), {
            "tide-1", "tide-2", "saved-1", "saved-2", "saved-3", "efficiency-2", "efficiency-3",
            "bandwidth-3", "timeline"})
        self.assertGreaterEqual(len(page.captions), len(page.figures))
        for role, words in page.figures.values():
            self.assertEqual(role, "img")
            self.assertTrue(words)

    def test_the_same_records_give_the_same_page(self):
        self.write("r.jsonl", lines(WITH_TIDE))
        for name in ("one.html", "again.html"):
            self.assertEqual(self.report("r.jsonl", "-o", name)[0], 0)
        self.assertEqual(self.made("one.html"), self.made("again.html"))

    def test_a_last_line_that_a_killed_writer_left_is_skipped_with_a_warning(self):
        whole_line = json.dumps(TP_SP).encode()
        for end in (whole_line[:-1], whole_line[:700], b"{", b"\0\0\0\0",
                    whole_line[:90] + b"\xff\n\n"):
            self.write("r.jsonl", lines(TP).encode() + end)
            page = self.page_of(os.path.join(self.folder, "r.jsonl"))
            self.assertEqual(len(self.said), 1)
            self.assertRegex(page.text["head"], "r.jsonl:2: is damaged: no whole JSON: .*; "
                             "this last line is left out")
            self.assertEqual(list(self.summary(page)), ["TP"])
        status, _, errors = self.report("r.jsonl")
        self.assertEqual((status, len(errors)), (0, 1))
        self.assertRegex(errors[0],
                         r"^\[report\] r\.jsonl:2: is damaged: .*; this last line is left out$")

    def refused(self, line, *arguments):
        pathlib.Path(self.folder, "report.html").unlink(missing_ok=True)
        status, output, errors = self.report(*arguments)
        self.assertEqual((status, output, len(errors)), (2, "", 1), errors)
        self.assertRegex(errors[0], line)
        self.assertFalse(pathlib.Path(self.folder, "report.html").exists())

    def test_damage_elsewhere_is_an_error_by_file_and_line(self):
        self.write("r.jsonl", lines(TP) + json.dumps(TP)[:400] + "\n" + lines(TP_SP))
        self.refused(r"^r\.jsonl:2: is damaged: no whole JSON: ", "r.jsonl")

    def test_a_record_that_breaks_the_schema_is_named_and_left_out(self):
        self.write("r.jsonl", lines(TP, {**TP_SP, "time": 5},
                                    changed(TP_SP, memory__peak_bytes=-1), TP_SP))
        status, output, errors = self.report("r.jsonl")
        self.assertEqual((status, output), (2, "report.html\n"))
        self.assertEqual(errors, [
            "[report] r.jsonl:2: time: an object is expected, not 5; this record is left out",
            "[report] r.jsonl:3: memory.peak_bytes: a whole number from 0 on or null is expected, "
            "not -1; this record is left out"])
        page = Page(self.made())
        self.assertIn("2 records (2 valid) of 2 cases", page.text["head"])
        self.assertIn("r.jsonl:2: time: an object is expected, not 5", page.text["head"])

    def test_refuses_what_it_cannot_read_or_write(self):
        self.refused("^absent: cannot be read: No such file or directory$", "absent")
        self.write("empty", "\n")
        self.refused("^empty: no records$", "empty")
        self.write("r.jsonl", lines(TP))
        self.refused("^r.jsonl/x.html: cannot be written: ", "r.jsonl", "-o", "r.jsonl/x.html")
        self.refused("^absent: cannot be run: No such file", "r.jsonl", "--criteria", "c.yaml",
                     "--executable", "absent")

    def checker(self, status, output, error=""):
        """An executable that prints this, instead of tidemark."""
        self.write("says", f"#!/bin/sh\necho \"$*\"\nprintf '{output}'\nprintf '{error}' >&2\n"
                           f"exit {status}\n")
        os.chmod(os.path.join(self.folder, "says"), 0o755)

    def test_verdicts_are_those_of_check(self):
        self.write("r.jsonl", lines(TP))
        for status, verdict in ((0, "MET"), (1, "MISSED")):
            self.checker(status, "peak  328 <= 400\\n")
            self.assertEqual(self.report("r.jsonl", "--criteria", "c.yaml", "--executable",
                                         "./says")[0], 0)
            text = Page(self.made()).text["criteria"]
            self.assertIn(f"r.jsonl: {verdict}", text)
            self.assertIn("check r.jsonl --criteria c.yaml\npeak  328 <= 400", text)
        self.checker(2, "", "c.yaml:3:1: nonsense\\n")
        self.refused("^criteria: c.yaml:3:1: nonsense$", "r.jsonl", "--criteria", "c.yaml",
                     "--executable", "./says")

    def test_other_versions_are_refused(self):
        for version in UNKNOWN_VERSIONS:
            self.write("r.jsonl", lines(TP, {**TP, "schema_version": version}))
            self.refused(rf"^r\.jsonl:2: has schema_version {json.dumps(version)}, and only "
                         "1 and 2 are read$", "r.jsonl")

    def test_10000_records_take_little_more_than_reading_them_and_500_mb(self):
        # Takes about 5 s on a core of 2024. JSON takes a fifth of this and Matplotlib a quarter.
        # Shared machines are slower, so the bound is relative to what the same core takes for the
        # JSON alone.
        kinds = [real(OVERLAPPING, index) for index in range(4)] + [
            real(EMULATED, index) for index in range(8)] + [WITH_TIDE, invalid(TP)]
        kinds = [json.dumps(one) for one in kinds]
        with open(os.path.join(self.folder, "r.jsonl"), "w", encoding="utf-8") as file:
            for i in range(10000):  # half of them repeats, half separate cases and problems
                dropout = f'"hidden_dropout": 0.{i:05}1' if i % 2 else '"hidden_dropout": 0.1'
                text = kinds[i % len(kinds)].replace('"hidden_dropout": 0.1', dropout)
                # No two lines are the same, because repeated lines count once.
                file.write(text.replace('"time_utc": "', f'"time_utc": "{i:05} ') + "\n")
        with open(os.path.join(self.folder, "r.jsonl"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        begin = time.process_time()
        for line in lines:
            json.loads(line)
        of_json = time.process_time() - begin
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        status, _, errors = self.report("r.jsonl")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.assertEqual((status, errors), (0, []))
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.assertLess(used, 12.0 * of_json)
        self.assertLess(after.ru_maxrss * 1024, 500e6)
        page = Page(self.made())
        self.assertIn("10000 records", page.text["head"])
        self.assertLess(len(self.made()), 4e6)
        self.assertRegex(page.text["summary"], r"Shown are the first 60 of 50\d\d cases")


@needs_matplotlib
class OfTheExecutable(TestCase):
    def test_a_rank_that_sleeps_is_named(self):
        with unittest.mock.patch.dict(os.environ, {"TIDEMARK_TEST_SLOW_RANK": "1:3"}):
            _, (data,) = measure(2)
        low, high = (data["ranks_detail"][rank]["busy_ms"] for rank in (0, 1))
        page = self.page(data)
        row, = page.tables_of("stragglers")[0].rows
        self.assertEqual([cell.number for cell in row[1:3]], [1.0, high / low])
        self.assertRegex(row[3].text, r"^rank 1 on ")
        self.assertIn("PLANTED SLOW RANK", row[0].text)
        self.assertEqual(
            self.summary(page)["TP PLANTED SLOW RANK"]["model TFLOP/sfigure of merit"].text, DASH)


@needs_matplotlib
class Versions(TestCase):
    """Records of version 1, whose E has another meaning, alone and beside those of version 2."""

    OLD = stored(1, "two-nodes.jsonl", 1)

    def test_e_of_version_1_stands_under_schedule_efficiency(self):
        page = self.page(self.OLD)
        row, = by_first_cell(page.tables_of("overlap")[0]).values()
        self.assertEqual([row[name].text for name in ("E", "E max", "split costms",
                                                      "compute serialms")], [DASH] * 4)
        self.assertEqual(row["interval90\N{NO-BREAK SPACE}% of E"].text, DASH)
        self.assertEqual(row["scheduleefficiency"].number, self.OLD["overlap"]["efficiency"])
        self.assertIn("90\N{NO-BREAK SPACE}% of schedule efficiency [0.74, 0.82]",
                      row["remark"].text)
        row, = self.summary(page).values()
        self.assertEqual((row["E"].text, row["model TFLOP/sfigure of merit"].text), (DASH, DASH))
        self.assertEqual(row["scheduleefficiency"].number, self.OLD["overlap"]["efficiency"])
        self.assertIn("Records of version 1 have tokens/s alone", page.text["summary"])
        self.assertEqual(set(page.figures) & {"efficiency-1", "schedule-efficiency-1"},
                         {"schedule-efficiency-1"})

    def test_versions_are_cases_and_problems_of_their_own(self):
        new = as_version_2(self.OLD)
        page = self.page(self.OLD, new)
        found = page.tables_of("overlap")
        self.assertEqual(len(found), 2)
        for table, one in zip(found, (self.OLD, new)):
            row, = by_first_cell(table).values()
            self.assertEqual(row["E"].number,
                             new["overlap"]["efficiency"] if one is new else None)
        numbers = [cell.numbers for row in page.tables_of("summary")[0].rows for cell in row]
        between = (self.OLD["overlap"]["efficiency"] + new["overlap"]["efficiency"]) / 2
        self.assertNotIn([between], numbers)
        self.assertIn("record version 1", page.text["summary"])
        self.assertEqual({name for name in page.figures if "efficiency" in name},
                         {"schedule-efficiency-1", "efficiency-2"})

    def test_stored_records_are_read_alone_and_mixed(self):
        files = [str(stored_path(version, name)) for version in (1, 2)
                 for name in ("run.jsonl", "plan.jsonl")]
        for paths in ([files[0]], [files[1]], [files[2]], [files[3]], files):
            page = self.page_of(*paths)
            self.assertEqual((page.faults, self.said), ([], []))
            self.assertIn(f"{len(paths)} record", page.text["head"])


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


class Reading(harness.TestCase):
    def test_records_are_thinned_out(self):
        thin = gathering.thinned(WITH_TIDE)
        self.assertLess(len(json.dumps(thin)), len(json.dumps(WITH_TIDE)) / 3)
        self.assertEqual(thin["time"]["step_ms"]["median"], TP["time"]["step_ms"]["median"])

    def test_one_record_a_time(self):
        self.write("r.jsonl", lines(TP, TP_SP))
        found = reader.read_each(os.path.join(self.folder, "r.jsonl"), reader.Remarks())
        self.assertTrue(next(found).place.endswith("r.jsonl:1"))

    def test_a_group_of_one_t_is_no_line(self):
        self.assertEqual(scaling_lines.strong_lines([]), [])


if __name__ == "__main__":
    unittest.main()
