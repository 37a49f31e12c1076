# SPDX-License-Identifier: BSD-3-Clause
"""Starts the runs of a study, and passes on that time is up."""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

from tidemark_tools.launch import Launch, as_options, environment
from tidemark_tools.messages import speaker
from tidemark_tools.records.collectives import collective_rows
from tidemark_tools.records.reader import InputError, Remarks, data_of

GOOD, INVALID, BAD_INPUT, FAILED = 0, 1, 2, 3
say = speaker("scaling-study")


def rank_environment(threads):
    """The environment of ranks with so many threads. The launch template decides on binding, unless
    the user has. There may be more ranks than cores."""
    env = environment(threads)
    env.pop("OMP_PROC_BIND")
    if "OMP_PROC_BIND" in os.environ:
        env["OMP_PROC_BIND"] = os.environ["OMP_PROC_BIND"]
    env.setdefault("OMPI_MCA_rmaps_base_oversubscribe", "1")
    env.setdefault("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe")  # since Open MPI 5
    return env


class Runner:
    """Runs the executable on placements. The first signal to end is passed on to the run under way
    as SIGUSR1. That run finishes its case or gives it up, and no further run begins."""

    SIGNALS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def __init__(self, executable, within, across, threads):
        self.executable = executable
        self.templates = {False: within, True: across}
        self.threads = threads
        self.process = None
        self.stopped = False

    def __enter__(self):
        self.before = {number: signal.signal(number, self.stop) for number in self.SIGNALS}
        return self

    def __exit__(self, *unused):
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def stop(self, *unused):
        say("time is up: the run under way finishes its case or gives it up")
        self.stopped = True
        if self.process is not None:
            self.process.send_signal(signal.SIGUSR1)

    def launch(self, placement):
        """The template of a placement, with its numbers filled in."""
        words = [word.format(ranks=placement.ranks, nodes=placement.nodes,
                             per_node=placement.per_node, threads=self.threads)
                 for word in self.templates[placement.nodes > 1]]
        return Launch(self.executable, tuple(words), rank_environment(self.threads))

    def run(self, placement, arguments, output, log):
        """The exit status; `output` and `log` take what the run prints."""
        self.process = self.launch(placement).start(arguments, stdout=output, stderr=log)
        if self.stopped:  # since the last look at `stopped`
            self.process.send_signal(signal.SIGUSR1)
        status = self.process.wait()
        self.process = None
        return status


def plan(executable, source, settings):
    """The data of the records of `tidemark plan`. Raises InputError where it refuses the input."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "plan.jsonl")
        done = Launch(executable, env=environment()).run(
            ["plan", str(source), "--output", str(output), *as_options(settings)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise InputError(done.stderr.strip() or f"tidemark plan ended with {done.returncode}")
        records = data_of(output, Remarks(say))
        if not records:
            raise InputError(f"{source}: the plans of {executable} cannot be read")
        return records


def run_point(runner, source, point, overrides, folder):
    """Runs what is missing of a point. Each point has a file of its own: the cases of two
    placements differ only in their placement, and --resume does not look at that."""
    arguments = ["run", str(source), *as_options({**overrides, **point.settings}),
                 "--output", str(folder / f"{point.label}.jsonl"), "--resume"]
    with open(folder / f"{point.label}.log", "a", encoding="utf-8") as log:
        return runner.run(point.placement, arguments, log, log)


def run_collectives(runner, placement, sizes, precision, folder):
    """Measures message sizes on a placement. The table gets its name when it is whole."""
    output = folder / f"collectives-{placement.label}.txt"
    if output.exists() and collective_rows(output.read_text(encoding="utf-8")):
        return GOOD
    draft = output.with_suffix(".part")
    arguments = ["collectives", "--min", sizes[0], "--max", sizes[1], "--precision", precision]
    with open(draft, "w", encoding="utf-8") as file, \
            open(output.with_suffix(".log"), "a", encoding="utf-8") as log:
        status = runner.run(placement, arguments, file, log)
    if status == GOOD:
        draft.replace(output)
    return status
