#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`tidemark check`: verdicts, exit statuses, refusals, damaged files, and what many records cost.

Environment: see harness.py.
"""
import json
import os
import subprocess
import unittest

from checks import GOOD, Check, altered, of_version_2, results
import harness
from samples import ROOT, UNKNOWN_VERSIONS, as_version_2, stored


def keys_of(value, prefix=""):
    """Dotted keys of a record. Elements of lists have no index in them."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            for key, inner in one.items():
                yield f"{prefix}{key}"
                yield from keys_of(inner, f"{prefix}{key}.")


class Verdicts(Check):
    def test_of_a_good_run(self):
        result = self.check(results())
        self.assertEqual((result.status, result.errors), (0, []), result)
        self.assertEqual(set(self.verdicts(result).values()), {"pass"}, result.output)
        self.assertEqual(len(self.verdicts(result)), 7)

    def test_of_a_missed_bound(self):
        result = self.check(results(), GOOD.replace("min: 1}", "min: 1e12}"))
        self.assertEqual((result.status, result.errors), (1, []), result)
        self.assertEqual([name for name, word in self.verdicts(result).items() if word == "FAIL"],
                         ["rate"])
        self.assertRegex(result.output, r"(?m)^  FAIL: rate: small 1, line 1: .* is below 1e\+12 ")

    def test_an_invalid_record_satisfies_nothing(self):
        first, second = results()
        result = self.check([first, altered(second, lambda record: record.update(valid=False))])
        self.assertEqual(result.status, 1, result)
        self.assertEqual(set(self.verdicts(result).values()), {"FAIL"}, result.output)

    def test_failed_checks_count_more_than_the_word_valid(self):
        def contradict(record):
            record["verification"]["checks"][0].update(passed=False)
            record["fom"]["tokens_per_s"] *= 10
        first, second = results()
        result = self.check([first, altered(second, contradict)])
        self.assertEqual(result.status, 1, result)
        self.assertEqual(set(self.verdicts(result).values()), {"FAIL"}, result.output)
        self.assertIn("line 2: it says that it is valid, but its check ", result.output)

    def test_the_same_record_twice_is_no_repetition(self):
        criteria = ("criteria:\n  - {name: repeats, key: time.step_ms.median, over: records, "
                    "max_spread: 0.5}\n")
        one = results()[0]
        result = self.check([one, one, one], criteria)
        self.assertEqual((result.status, result.errors), (1, [
            "results.jsonl:2: the same record as in line 1, counted once (2 such lines)"]), result)
        self.assertIn("there is one value only", result.output)
        again = altered(one, lambda record: record["provenance"].update(time_utc="later"))
        self.assertEqual(self.check([one, again], criteria).status, 0)

    def test_a_null_fails_and_says_so(self):
        result = self.check(of_version_2(), "criteria:\n  - {name: hidden, "
                                            "key: overlap.efficiency, min: 0}\n")
        self.assertEqual(result.status, 1, result)
        self.assertIn("  FAIL: hidden: small 1, line 1: overlap.efficiency is null\n",
                      result.output)

    def test_of_stored_records_of_both_versions(self):
        old, new = (json.dumps(stored(version, "run.jsonl")) for version in (1, 2))
        plans = [json.dumps(stored(version, "plan.jsonl")) for version in (1, 2)]
        both = ("criteria:\n  - {name: swift, key: time.step_ms.median, unit: s, max: 1}\n"
                "  - {name: valid, valid: true}\n")
        for found in ([old], [new], [old, new, *plans]):
            result = self.check(found, both)
            self.assertEqual((result.status, result.errors), (0, []), result)
        result = self.check([new, old], "criteria:\n  - {name: rate, key: fom.model_tflops_per_s, "
                            "unit: GFLOP/s, min: 0.001}\n")
        self.assertEqual(result.status, 1, result)
        self.assertIn("  FAIL: rate: stored 1, line 2: fom.model_tflops_per_s is in records of "
                      "version 2 alone, and this one is of version 1\n", result.output)
        self.assertEqual(result.output.count("FAIL: "), 1)

    def test_an_efficiency_of_version_1_passes_nothing(self):
        old = stored(1, "two-nodes.jsonl", 1)
        self.assertGreater(old["overlap"]["efficiency"], 0.7)
        criteria = "criteria:\n  - {name: hidden, key: overlap.efficiency, min: 0.5}\n"
        self.assertEqual(self.check([json.dumps(as_version_2(old))], criteria).status, 0)
        result = self.check([json.dumps(old)], criteria)
        self.assertEqual(result.status, 1, result)
        self.assertIn("overlap.efficiency has another meaning in a record of version 1: there it "
                      "is what version 2 calls overlap.schedule_efficiency\n", result.output)

    def test_plans_are_left_out(self):
        plan = altered(results()[0], lambda record: record.update(kind="plan", valid=None))
        result = self.check([plan, *results()])
        self.assertEqual(result.status, 0, result)
        self.refused("results.jsonl: holds no record of a run, only plans", [plan])


class Refusals(Check):
    def test_of_criteria(self):
        for criteria, line in (
                ("criterion: []\n", "criteria.yaml:1:1: criterion: unknown key; did you mean "
                 "criteria?"),
                ("criteria:\n  - {name: a, key: time.step_ms.median, max: 3, unit: GB/s}\n",
                 "criteria.yaml:2:55: unit: 'GB/s' is no unit of time.step_ms.median, which is in "
                 "ms; accepted: s, ms, us"),
                ("criteria:\n  - {name: a, valid: true, where: {parallel.tensor: 64}}\n",
                 "criteria.yaml:2:5: criterion 'a': no matching case among 2 records")):
            with self.subTest(line):
                self.refused(line, results(), criteria)

    def test_of_keys_that_no_record_has(self):
        criteria = "criteria:\n  - {{name: a, key: {}, max: 3}}\n".format
        self.refused("criteria.yaml:2:20: key: 'time.step_ms.p99': unknown key; the nearest known "
                     "key is time.step_ms.min", results(), criteria("time.step_ms.p99"))
        self.refused("criteria.yaml:2:20: key: 'memory.peek_bytes': unknown key; did you mean "
                     "memory.peak_bytes?", results(), criteria("memory.peek_bytes"))

    def test_all_keys_of_real_records_are_known(self):
        for line in (*results(), json.dumps(stored(2, "plan.jsonl"))):
            names = sorted({key for key in keys_of(json.loads(line)) if key != "test"})
            self.assertGreater(len(names), 100)
            body = "".join(f"  - {{name: {key}, key: {key}, equals: 0}}\n" for key in names)
            result = self.check(results(), "criteria:\n" + body)
            self.assertEqual((result.status, result.errors), (1, []), result.errors)

    def test_of_cases_without_a_name(self):
        for name, said in ((5, "a text is expected, not 5"),
                           ([[]], "a text is expected, not [[]]")):
            self.refused(f"results.jsonl:1: case.name: {said}", [altered(
                results()[0], lambda record, name=name: record["case"].update(name=name))])
        deep = results()[0].replace('"case": {', '"case": ' + '[' * 100000 + ', "x": {')
        self.refused("results.jsonl:1: is damaged: nested deeper than 100", [deep, results()[1]])

    def test_of_files(self):
        self.write("criteria.yaml", GOOD)
        result = self.run_check()
        self.assertEqual((result.status, result.errors), (
            2, ["results.jsonl: cannot be read: No such file or directory"]))
        self.refused("results.jsonl: holds no record of a run", [])
        self.refused("results.jsonl:2: is no record: it has no schema_version and kind",
                     [results()[0], "{}"])
        for version in UNKNOWN_VERSIONS:
            self.refused(f"results.jsonl:2: has schema_version {json.dumps(version)}, and only 1 "
                         "and 2 are read", [results()[0], altered(
                             results()[1], lambda record: record.update(schema_version=version))])
        result = harness.run(["check", "results.jsonl"], self.folder)
        self.assertEqual(result.status, 2)
        self.assertIn("--criteria", result.errors[0])


class Damage(Check):
    def test_of_the_last_line_is_a_warning(self):
        for cut in (1, 20, len(results()[1]) - 1):
            self.write("results.jsonl", "\n".join(results() + [results()[1][:cut]]))
            self.write("criteria.yaml", GOOD)
            result = self.run_check()
            self.assertEqual(result.status, 0, result)
            (warning,) = result.errors
            self.assertRegex(warning, r"^results\.jsonl:3: is damaged: no whole JSON, at character "
                             r"[0-9]+; warning: this last line is left out$")

    def test_of_another_line_is_an_error(self):
        result = self.check([results()[0], results()[1][:200], results()[1]])
        self.assertEqual(result.status, 2, result)
        self.assertRegex(result.errors[0], r"^results\.jsonl:2: is damaged: no whole JSON, ")


class Cost(Check):
    def test_of_ten_thousand_records(self):
        lines = (ROOT / "results" / "quickstart" / "records.jsonl").read_bytes().splitlines(True)
        # No two lines are the same, because repeated lines count once.
        self.write("results.jsonl", b"".join(lines[i % 2].replace(
            b'"time_utc":"', b'"time_utc":"%05d ' % i) for i in range(10000)))
        self.write("criteria.yaml", GOOD.replace("{name: even, max_straggler: 1000}",
                                                 "{name: same, key: fom.tokens_per_s, "
                                                 "over: records, max_spread: 1000}"))
        self.assertGreater(os.path.getsize(os.path.join(self.folder, "results.jsonl")), 1e8)
        line = harness.command(1, ["check", "results.jsonl", "--criteria", "criteria.yaml"])
        with subprocess.Popen(line, cwd=self.folder, stdout=subprocess.PIPE, text=True) as process:
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0, output)
        self.assertIn("10000", output)
        # Processor time, because the machine may be busy.
        self.assertLess(usage.ru_utime + usage.ru_stime, 5.0)
        self.assertLess(usage.ru_maxrss, 500 * 1024)  # KiB


if __name__ == "__main__":
    unittest.main()
