# SPDX-License-Identifier: BSD-3-Clause
"""Runs of `tidemark check` on the records of a small run."""
import functools
import json

import harness
from records import SEQUENCE_OFF_AND_ON, measure
from samples import as_version_2

GOOD = """\
criteria:
  - {name: all valid, valid: true, min_cases: 2}
  - {name: rate, key: fom.tokens_per_s, unit: tokens/s, min: 1}
  - {name: peak, key: memory.peak_bytes, reference: [0.5, null, 1.0, GiB]}
  - name: gathers
    where: {parallel.sequence: true}
    key: comm.calls[op=all_gather].count
    min: 1
  - {name: repeats, key: time.step_ms.samples, over: iterations, max_spread: 1000}
  - {name: even, max_straggler: 1000}
  - {name: carried by MPI, key: comm.backend, equals: mpi}
"""


@functools.cache
def results():
    """Lines of a run of two cases on two ranks."""
    return [json.dumps(record) for record in measure(2, SEQUENCE_OFF_AND_ON)[1]]


def of_version_2():
    return [json.dumps(as_version_2(json.loads(line))) for line in results()]


def altered(line, change):
    """The record of a line after `change`, as a line."""
    record = json.loads(line)
    change(record)
    return json.dumps(record)


class Check(harness.TestCase):
    def check(self, lines, criteria=GOOD):
        self.write("results.jsonl", "".join(line + "\n" for line in lines))
        self.write("criteria.yaml", criteria)
        return self.run_check()

    def run_check(self):
        return harness.run(["check", "results.jsonl", "--criteria", "criteria.yaml"], self.folder)

    def verdicts(self, result):
        """Last words of the table's rows, by the names of the criteria."""
        rows = [line for line in result.output.splitlines()[1:] if not line.startswith("  ")]
        return {line.split("  ")[0]: line.rpartition("  ")[2] for line in rows}

    def refused(self, line, *arguments):
        result = self.check(*arguments)
        self.assertEqual((result.status, result.errors), (2, [line]), result)
