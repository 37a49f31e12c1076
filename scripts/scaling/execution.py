"""Starts the runs of a study, and passes on that time is up."""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

from benching.tidemark import collective_rows, environment
from scaling.records import InputError, read, say

GOOD, INVALID, BAD_INPUT, FAILED = 0, 1, 2, 3


class Launcher:
    """How ranks are started. The first signal to end is passed on to the run under way as SIGUSR1,
    at which a run finishes its case or gives it up; no further one begins."""

    SIGNALS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def __init__(self, executable, within, across, threads):
        self.executable = str(executable)
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

    def command(self, placement, arguments):
        words = [word.format(ranks=placement.ranks, nodes=placement.nodes, per_node=placement.per_node,
                             threads=self.threads) for word in self.templates[placement.nodes > 1]]
        return [*words, self.executable, *arguments]

    def start(self, command, output, log):
        """The exit status; `output` and `log` take what the run prints. In a session of its own, so that Ctrl-C comes from here alone."""
        env = environment()
        env["OMP_NUM_THREADS"] = str(self.threads)
        env.pop("OMP_PROC_BIND")  # the launch template's business, unless the user has decided
        if "OMP_PROC_BIND" in os.environ:
            env["OMP_PROC_BIND"] = os.environ["OMP_PROC_BIND"]
        env.setdefault("OMPI_MCA_rmaps_base_oversubscribe", "1")
        env.setdefault("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe")  # since Open MPI 5
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=log,
                                        start_new_session=True)
        if self.stopped:  # between the look at `stopped` and now
            self.process.send_signal(signal.SIGUSR1)
        status = self.process.wait()
        self.process = None
        return status


def as_options(settings):
    return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]


def plan(executable, source, settings):
    """The records of `tidemark plan`; what it refuses is refused here."""
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "plan.jsonl")
        done = subprocess.run([str(executable), "plan", str(source), "--output", output, *as_options(settings)],
                              env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise InputError(done.stderr.strip() or f"tidemark plan ended with {done.returncode}")
        records = read(output)
        if not records:
            raise InputError(f"{source}: the plans of {executable} cannot be read")
        return records


def run_point(launcher, source, point, overrides, folder):
    """Runs what is missing of a point. A file of its own a point: the cases of two placements differ in
    their placement alone, which --resume does not look at."""
    output = folder / f"{point.label}.jsonl"
    arguments = ["run", str(source), *as_options({**overrides, **point.settings}), "--output", str(output), "--resume"]
    with open(folder / f"{point.label}.log", "a", encoding="utf-8") as log:
        return launcher.start(launcher.command(point.placement, arguments), log, log)


def run_collectives(launcher, placement, sizes, precision, folder):
    """Measures message sizes on a placement. The table appears under its name when it is whole."""
    output = Path(folder / f"collectives-{placement.label}.txt")
    if output.exists() and collective_rows(output.read_text(encoding="utf-8")):
        return GOOD
    draft = output.with_suffix(".part")
    arguments = ["collectives", "--min", sizes[0], "--max", sizes[1], "--precision", precision]
    with open(draft, "w", encoding="utf-8") as file, open(output.with_suffix(".log"), "a", encoding="utf-8") as log:
        status = launcher.start(launcher.command(placement, arguments), file, log)
    if status == GOOD:
        draft.replace(output)
    return status
