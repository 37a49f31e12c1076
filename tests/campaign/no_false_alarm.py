#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs random small cases on sound libraries: all must be valid.

    no_false_alarm.py [--cases N] [--seed SEED] [--ranks T,T,...]

It prints, for each check and type, the largest value that it saw as a share of its bound. That is
the head-room of the bounds. Where a run is not valid, it prints the input and ends with status 1.
200 cases take about ten minutes on two cores. Environment: TIDEMARK_EXECUTABLE and MPIEXEC, see
tests/cli/harness.py.
"""
import argparse
import dataclasses
import json
import pathlib
import random
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))

import harness  # noqa: E402
from records import parse  # noqa: E402

RANKS = (1, 2, 3, 4, 8)
PRECISIONS = ("fp64", "fp32", "bf16")
LIMIT_S = 300


def draw_model(rng, t):
    """Sizes that t ranks divide."""
    groups_a_rank = rng.choice((1, 2)) if t < 8 else 1
    heads = t * groups_a_rank * rng.choice((1, 2) if t < 4 else (1,))
    head_size = rng.choice((8, 16, 32))
    hidden = heads * head_size
    model = {
        "family": rng.choice(("gpt", "llama")),
        "num_layers": rng.choice((1, 1, 2)),
        "hidden_size": hidden,
        "ffn_hidden_size": t * rng.choice((24, 64, 96)),
        "num_attention_heads": heads,
        "seq_length": t * rng.randint(5, 48 if t < 4 else 16),
        "micro_batch_size": rng.randint(1, 3),
        # With 57 or more, none of eight ranks has only padding.
        "vocab_size": rng.choice((0, 0, rng.randint(57, 300))),
        "causal": rng.random() < 0.8,
        "attention": rng.choice(("materialized", "blocked")),
    }
    if model["family"] == "llama":
        fitting = [g for g in range(1, heads + 1)
                   if heads % g == 0 and (g % t == 0 or t % g == 0)]
        model["num_query_groups"] = rng.choice(fitting)
    else:
        model["hidden_dropout"] = rng.choice((0.0, 0.1))
        model["attention_dropout"] = rng.choice((0.0, 0.1))
    return model


def draw(rng, ranks=RANKS):
    """The input of one case, without its type."""
    t = rng.choice(ranks)
    model = draw_model(rng, t)
    recomputations = ["none", "full"] if model["attention"] == "blocked" else [
        "none", "selective", "full"]
    sequence = rng.random() < 0.6
    recompute = rng.choice(recomputations)
    return {
        "name": "drawn",
        "model": model,
        "recompute": recompute,
        "parallel": {"tensor": t, "sequence": sequence,
                     "keep_gathered": sequence and recompute != "full" and rng.random() < 0.3},
        "overlap": {"mode": rng.choice(("none", "bulk", "ring", "ring", "auto")),
                    "progress": rng.choice(("poll", "thread", "none")),
                    "chunks": rng.randint(0, 4)},
        "comm": {"algorithm": rng.choice(("auto", "native", "pairwise", "ring"))},
        "bench": {"warmup": 1, "iterations": 2, "max_iterations": 2,
                  "seed": rng.randint(0, 2**32 - 1)},
    }


@dataclasses.dataclass
class Largest:
    """The largest value of a check in one type, as a share of its bound: the value itself if the
    bound is zero."""

    share: float
    where: str
    cases: int


class Campaign:
    def __init__(self):
        self.cases = 0
        self.alarms = []  # texts
        self.largest = {}  # by check and type

    def run(self, case):
        """Runs a case in every type."""
        with tempfile.TemporaryDirectory(prefix="tidemark-alarms-") as folder:
            # JSON is YAML, too.
            pathlib.Path(folder, "case.yaml").write_text(json.dumps(case), encoding="utf-8")
            result = harness.run(
                ["run", "case.yaml", "--output", "results.jsonl", "--kokkos-disable-warnings",
                 "--set", f"sweep.precision=[{', '.join(PRECISIONS)}]"],
                folder, ranks=case["parallel"]["tensor"], limit_s=LIMIT_S)
            results = pathlib.Path(folder, "results.jsonl")
            text = results.read_text(encoding="utf-8") if results.exists() else ""
        records = [parse(line) for line in text.splitlines()]
        self.cases += len(PRECISIONS)
        self.note(case, records)
        if result.status != 0 or len(records) != len(PRECISIONS) or not all(
                record["valid"] for record in records):
            self.alarms.append(f"{json.dumps(case)}\nstatus {result.status}\n{result.output}"
                               + "\n".join(result.errors))

    def note(self, case, records):
        for record in records:
            for check in record["verification"]["checks"]:
                key = check["name"], record["case"]["precision"]
                value = float("inf") if check["value"] == "infinite" else check["value"]
                share = value / check["bound"] if check["bound"] else value
                before = self.largest.get(key, Largest(-1.0, "", 0))
                self.largest[key] = dataclasses.replace(before, cases=before.cases + 1)
                if share > before.share:
                    self.largest[key] = Largest(share, check["where"], before.cases + 1)

    def table(self):
        lines = [f"{'check':<32} {'type':<5} {'cases':>5} {'largest':>9}  where"]
        for name, precision in sorted(self.largest, key=lambda key: (
                key[0], PRECISIONS.index(key[1]))):
            found = self.largest[name, precision]
            lines.append(f"{name:<32} {precision:<5} {found.cases:>5} {found.share:>9.3g}  "
                         f"{found.where}")
        return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ranks", default=",".join(map(str, RANKS)))
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    ranks = [int(word) for word in arguments.ranks.split(",")]
    campaign = Campaign()
    while campaign.cases < arguments.cases:
        seen = len(campaign.alarms)
        campaign.run(draw(rng, ranks))
        for alarm in campaign.alarms[seen:]:
            print(f"not valid:\n{alarm}\n", flush=True)
    print(campaign.table())
    print(f"{campaign.cases} cases of seed {arguments.seed}, {len(campaign.alarms)} not valid")
    return 1 if campaign.alarms else 0


if __name__ == "__main__":
    sys.exit(main())
