# SPDX-License-Identifier: BSD-3-Clause
"""The small input that the tests of the command line run, and readers of what a run reports."""
import functools
import itertools
import json
import pathlib
import re
import tempfile

import harness

S, B, H, A, LAYERS, ITERATIONS = 32, 2, 64, 8, 3, 3
INPUT = f"""\
name: small
model: {{num_layers: {LAYERS}, hidden_size: {H}, num_attention_heads: {A}, seq_length: {S},
        micro_batch_size: {B}}}
bench: {{warmup: 1, iterations: {ITERATIONS}}}
"""
SEQUENCE_OFF_AND_ON = "sweep.parallel.sequence=[false, true]"
HEADER = ["mode", "t", "step", "model", "90%", "tokens", "of", "saved", "formula", "peak", "wire",
          "valid"]


def refuse_constant(name):
    raise ValueError(f"{name} is no JSON")


def parse(line):
    """A record. JSON has no NaN and no Infinity, although Python's reader accepts them."""
    return json.loads(line, parse_constant=refuse_constant)


def rows_of(output):
    """The words of each table row. Rows are the lines after the two lines of the header, without
    indented remarks."""
    lines = output.splitlines()
    header = next(i for i, line in enumerate(lines) if line.split()[-len(HEADER):] == HEADER)
    return [line.split() for line in itertools.takewhile(str.strip, lines[header + 2:])
            if not re.match(r"  \S", line)]


def reported(command, ranks, *settings, text=INPUT, options=(), limit_s=120, status=0):
    """What a command with settings reports of the input: its result, and the records."""
    with tempfile.TemporaryDirectory(prefix="tidemark-cli-") as folder:
        pathlib.Path(folder, "case.yaml").write_text(text, encoding="utf-8")
        words = [word for setting in settings for word in ("--set", setting)]
        result = harness.run([command, "case.yaml", "--output", "results.jsonl", *words, *options],
                             folder, ranks=ranks, limit_s=limit_s)
        if result.status != status:
            raise AssertionError(result)
        lines = pathlib.Path(folder, "results.jsonl").read_text(encoding="utf-8").splitlines()
        return result, [parse(line) for line in lines]


def measure(t, *settings, text=INPUT, limit_s=120, status=0):
    """Runs the input on t ranks with settings; the result and the records of its cases."""
    return reported("run", t, f"parallel.tensor={t}", *settings, text=text, limit_s=limit_s,
                    status=status)


# Several tests look at the same run, so it is not repeated for each.
once = functools.cache(measure)


def plan(t, *settings, text=INPUT, options=()):
    """Plans the input for t ranks, in one process without a launcher; result and records."""
    return reported("plan", 1, f"parallel.tensor={t}", *settings, text=text, options=options)
