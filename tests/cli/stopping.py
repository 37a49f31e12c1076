# SPDX-License-Identifier: BSD-3-Clause
"""Jobs of which one rank stops, dies or crashes, at a named moment or after some time."""
import dataclasses
import os
import pathlib
import random
import signal
import subprocess
import time
from unittest import mock

import harness
from records import INPUT, parse

TIMEOUT_S = 4
# Seconds beyond the deadline, because launchers take time to end ranks, and the machine may be
# busy.
GRACE_S = 15
SOURCE = pathlib.Path(__file__).with_name("stopping_mpi.c")
RECORDS = "results.jsonl"
# Several cases, so that there are earlier records to lose.
CASES = "sweep.overlap.mode=[none, bulk, ring]"


@dataclasses.dataclass
class Outcome:
    """How a job ended. `struck`: the fault came before its end."""

    status: int
    seconds: float  # from the fault; for a fault at a named moment, from the start
    errors: list
    survivors: list
    records: list
    struck: bool

    def complaints(self):
        """What is wrong with an end after a fault."""
        if not self.struck:
            return []
        found = []
        if self.seconds > TIMEOUT_S + GRACE_S:
            found.append(f"took {self.seconds:.1f} s")
        if self.status == 0:
            found.append("status 0")
        if self.survivors:
            found.append(f"processes {self.survivors} are left")
        return found


class Job:
    """A run in an empty `folder`, whose ranks can be struck."""

    def __init__(self, folder, program, ranks, environment=None):
        self.folder = pathlib.Path(folder)
        self.pids = self.folder / "pids"
        self.pids.mkdir()
        (self.folder / "case.yaml").write_text(INPUT, encoding="utf-8")
        settings = ("bench.iterations=2", f"bench.timeout_s={TIMEOUT_S}",
                    f"parallel.tensor={ranks}", CASES)
        words = [word for setting in settings for word in ("--set", setting)]
        with mock.patch.dict(os.environ, {"TIDEMARK_EXECUTABLE": program}):
            command = harness.command(ranks, ["run", "case.yaml", "--output", RECORDS, "--timeout",
                                              str(TIMEOUT_S), *words])
        self.process = subprocess.Popen(
            command, cwd=folder, env={**harness.environment(), "STOPPING_PIDS": str(self.pids),
                                      **(environment or {})},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors="replace", start_new_session=True)
        self.start = time.monotonic()

    def processes(self):
        """The processes of all ranks that have started."""
        return sorted(int(file.name) for file in self.pids.iterdir())

    def strike(self, index, signal_number):
        """Sends a rank a signal. Returns whether there was such a rank, and the job was not at its
        end."""
        processes = self.processes()
        if index >= len(processes) or self.process.poll() is not None:
            return False
        self.start = time.monotonic()
        try:
            os.kill(processes[index], signal_number)
        except ProcessLookupError:
            return False
        return True

    def end(self, struck):
        """Waits for the end, and ends a job that hangs."""
        hung = False
        try:
            _, errors = self.process.communicate(timeout=TIMEOUT_S + GRACE_S + 5)
        except subprocess.TimeoutExpired:
            hung = True
            harness.end(self.process)
            errors = ""
        seconds = time.monotonic() - self.start
        deadline = time.monotonic() + 5
        while survivors := [pid for pid in self.processes() if harness.is_running(pid)]:
            if hung or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        for pid in survivors:
            os.kill(pid, signal.SIGKILL)
        return Outcome(self.process.returncode, seconds, harness.own_lines(errors), survivors,
                       self.records(), struck)

    def records(self):
        path = self.folder / RECORDS
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        # Only the last line may be incomplete, and only if its writer was killed.
        return [parse(line) for line in text.split("\n")[:-1]]


def at_moment(folder, program, moment, rank, signal_number, ranks=2):
    """A job of which a rank is struck at a named moment."""
    return Job(folder, program, ranks,
               {"STOPPING_AT": moment, "STOPPING_RANK": str(rank),
                "STOPPING_SIGNAL": str(int(signal_number))}).end(struck=True)


def at_random(folder, program, ranks, seconds, seed):
    """Runs a job of which a rank is struck after some time. Returns the fault and the outcome."""
    rng = random.Random(seed)
    rank = rng.randrange(ranks)
    signal_number = rng.choice((signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV))
    job = Job(folder, program, ranks)
    try:
        job.process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        pass
    struck = job.strike(rank, signal_number)
    return f"{signal_number.name} to one of {ranks} ranks after {seconds:.2f} s", job.end(struck)
