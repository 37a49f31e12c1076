#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Inputs and criteria of an acceptance: they are what docs/run-rules.md says, and `tidemark check`
judges by them.

Environment: see harness.py.
"""
import re
import unittest

from checks import Check, altered, of_version_2
from records import plan
from samples import ROOT


class Acceptance(Check):
    def test_problems_fill_the_shares_that_they_say(self):
        rules = (ROOT / "docs" / "run-rules.md").read_text(encoding="utf-8")
        for name, share in (("small", 0.0), ("medium", 0.5), ("large", 0.87)):
            path = ROOT / "inputs" / "acceptance" / f"{name}.yaml"
            text = path.read_text(encoding="utf-8")
            held = []
            for record in plan(8, "products=cublas", text=text)[1]:
                memory = record["memory"]
                held.append(sum(memory[key] for key in ("parameter_bytes", "gradient_bytes",
                                                        "peak_bytes")))
            self.assertAlmostEqual(held[0] / 80e9, share, delta=0.01)
            self.assertAlmostEqual(max(held) / 80e9, share, delta=0.01)  # by every schedule
            shown = "under 1 %" if name == "small" else f"{share * 100:.0f} %"
            self.assertIn(f"| {name} | `inputs/acceptance/{name}.yaml` | {shown} |", rules)
            self.assertIn(shown, text)
            digits = 2 if name == "small" else 1
            self.assertIn(f"{held[0] / 2 ** 30:.{digits}f} GiB", text)

    @staticmethod
    def steady(record):
        """Gives the record the values of a quiet machine, because this machine is not tested
        here."""
        record["time"]["drifting"] = False
        record["ranks_detail"][0]["busy_ms"] = record["ranks_detail"][1]["busy_ms"]
        rate = record["fom"]["model_tflops_per_s"]
        record["fom"]["model_tflops_per_s_ci"] = [0.98 * rate, 1.02 * rate]
        record["placement"] = {"problems": [], "problem_count": 0}

    def judged(self, change):
        """The verdicts of the acceptance criteria on two steady records, the second changed by
        `change`."""
        first, second = (altered(line, self.steady) for line in of_version_2())
        return self.verdicts(self.check(
            [first, altered(second, change)],
            (ROOT / "inputs" / "acceptance" / "criteria.yaml").read_text("utf-8")))

    def test_criteria_see_what_drifts_and_ranks_that_stand_badly(self):
        for name, change in (
                ("the step does not drift", lambda record: record["time"].update(drifting=True)),
                ("the step does not drift", lambda record: record["time"].update(drifting=None)),
                ("ranks stand where they should",
                 lambda record: record["placement"].update(problem_count=1)),
                ("ranks stand where they should", lambda record: record.pop("placement")),
                ("the figure of merit is known to 5 %",
                 lambda record: record["fom"].update(model_tflops_per_s_ci=[1.0, 1.06])),
                ("it has a figure of merit",
                 lambda record: record["fom"].update(model_tflops_per_s=None))):
            failed = [key for key, word in self.judged(change).items() if word == "FAIL"]
            self.assertEqual(failed, [name])

    def test_the_worked_example_of_the_rules(self):
        rules = (ROOT / "docs" / "run-rules.md").read_text(encoding="utf-8")
        criteria = rules.partition("```yaml\n")[2].partition("```")[0]
        rows = re.findall(r"(?m)^\| \w+ \| ([\d.]+) ms \| ([\d.]+) TFLOP/s \| ([\d.]+) to ([\d.]+) "
                          r"\| `(\w+)`", rules)
        self.assertEqual(len(rows), 2)
        operations = int(re.search(r"Small has ([\d,]+) operations", rules)[1].replace(",", ""))
        lines = []
        for *numbers, verdict in rows:
            step, figure, low, high = map(float, numbers)
            self.assertAlmostEqual(operations / step / 1e9, figure, places=4)

            def as_measured(record, figure=figure, ends=(low, high)):
                record["case"].update(name="acceptance-small")
                record["case"]["parallel"].update(sequence=True)
                record["fom"].update(model_tflops_per_s=figure, model_tflops_per_s_ci=list(ends))
            lines.append(altered(of_version_2()[0], as_measured))
            result = self.check(lines[-1:], criteria)
            self.assertEqual(set(self.verdicts(result).values()), {verdict}, result)
            self.assertEqual(result.status, 0 if verdict == "pass" else 1)
            self.assertIn(f"{low:.4f} TFLOP/s", result.output)
        self.assertEqual(self.check(lines, criteria).status, 1)

    def test_small_has_the_operations_that_the_rules_say(self):
        rules = (ROOT / "docs" / "run-rules.md").read_text(encoding="utf-8")
        text = (ROOT / "inputs" / "acceptance" / "small.yaml").read_text(encoding="utf-8")
        for record in plan(2, text=text)[1]:
            self.assertIn(f"Small has {int(record['flops']['model_per_step']):,} operations", rules)

    def test_criteria_hold_of_a_good_record(self):
        lines = [altered(line, self.steady) for line in of_version_2()]
        result = self.check(lines,
                            (ROOT / "inputs" / "acceptance" / "criteria.yaml").read_text("utf-8"))
        self.assertEqual(result.status, 0, result)


if __name__ == "__main__":
    unittest.main()
