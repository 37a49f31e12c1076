# SPDX-License-Identifier: BSD-3-Clause
"""ReFrame: an input of Tidemark, with figures from its records.

A test is sane only if every case is valid and went over the expected transport.

    reframe -C scripts/harness/reframe/settings.py -c scripts/harness/reframe/tidemark_test.py -r

Derive from TidemarkBase for your own problems. TidemarkQuickstart shows how, and where references
by system go. -S NAME=VALUE sets any of its variables.
"""
import os
import shlex
import sys
from pathlib import Path

import reframe as rfm
import reframe.utility.sanity as sn
import reframe.utility.typecheck as typ
from reframe.core.builtins import (
    parameter, performance_function, run_after, run_before, sanity_function, variable)

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))
from tidemark_tools.records.reader import data_of  # noqa: E402  found only after the line above
MEBIBYTE = 2**20


class TidemarkBase(rfm.RunOnlyRegressionTest):
    """Runs one case of `input` on `ranks` ranks, all on one node unless `ranks_per_node` is given.

    `settings` are additional KEY=VALUE, one per element. They give swept keys one value.
    `within_node` and `between_nodes` name the expected carriers of messages, in the words of
    provenance.transport of the record. If they are empty, any carrier is accepted.
    """

    valid_systems = ["*"]
    valid_prog_environs = ["*"]
    executable = os.environ.get("TIDEMARK", str(ROOT / "build/release/tidemark"))
    input = variable(str, value=str(ROOT / "inputs/quickstart.yaml"))
    ranks = variable(int, value=2)
    ranks_per_node = variable(int, value=0)
    threads = variable(int, value=1)
    settings = variable(typ.List[str], value=[])
    within_node = variable(str, value="")
    between_nodes = variable(str, value="")
    time_limit = "30m"

    @run_before("run")
    def set_command(self):
        self.num_tasks = self.ranks
        self.num_tasks_per_node = self.ranks_per_node or self.ranks
        self.num_cpus_per_task = self.threads
        self.env_vars["OMP_NUM_THREADS"] = self.threads
        settings = [f"parallel.tensor={self.ranks}", *self.settings]
        options = [word for setting in settings for word in ("--set", shlex.quote(setting))]
        self.executable_opts = ["run", self.input, "--output", "records.jsonl", *options]
        if self.current_partition.launcher_type.registered_name == "srun":
            self.job.launcher.options += ["--mpi=pmix", "--cpu-bind=cores", "--kill-on-bad-exit=1"]

    def records(self):
        return data_of(Path(self.stagedir, "records.jsonl"))

    @sanity_function
    def is_valid_over_the_transport(self):
        return sn.all([self.is_valid(), self.goes_over(self.within_node, "within_node"),
                       self.goes_over(self.between_nodes, "between_nodes")])

    @sn.deferrable
    def is_valid(self):
        records = self.records()
        sn.evaluate(sn.assert_eq(len(records), 1,
                                 "{0} records in place of one: give swept keys one value"))
        return sn.evaluate(sn.assert_true(records[0]["valid"], "the record is not valid"))

    @sn.deferrable
    def goes_over(self, expected, where):
        if not expected:
            return True
        transport = self.records()[0]["provenance"]["transport"] or {}
        return sn.evaluate(sn.assert_eq(transport.get(where), expected,
                                        where + " goes over {0}, not over {1}"))

    @performance_function("TFLOP/s")
    def model_tflops_per_s(self):
        return self.records()[0]["fom"]["model_tflops_per_s"]

    @performance_function("tokens/s")
    def tokens_per_s(self):
        return self.records()[0]["fom"]["tokens_per_s"]

    @performance_function("ms")
    def step(self):
        return self.records()[0]["time"]["step_ms"]["median"]

    @performance_function("GFLOP/s")
    def gflops_per_rank(self):
        return self.records()[0]["flops"]["gflops_per_rank"]

    @performance_function("MiB")
    def saved(self):
        return self.records()[0]["memory"]["saved_bytes"] / MEBIBYTE

    @performance_function("MiB")
    def peak(self):
        return self.records()[0]["memory"]["peak_bytes"] / MEBIBYTE


@rfm.simple_test
class TidemarkQuickstart(TidemarkBase):
    """Two layers on two ranks, with sequence parallelism off and on."""

    sequence = parameter([False, True])

    @run_after("init")
    def choose(self):
        self.settings = [*self.settings, f"parallel.sequence={str(self.sequence).lower()}"]
        # Bytes are the same everywhere, to the byte. Times depend on the system: add yours, as
        #   "cluster:main": {"model_tflops_per_s": (5.2, -0.05, None, "TFLOP/s")}
        self.reference = {"*": {"saved": (276.0 if self.sequence else 312.0, 0.0, 0.0, "MiB")}}
