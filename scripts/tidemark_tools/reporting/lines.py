# SPDX-License-Identifier: BSD-3-Clause
"""Lines over t: cases that differ in t alone, or also in a problem that grows with t."""

import dataclasses

from tidemark_tools.plotting.names import word_for

# How far operations per rank may differ in weak scaling, since heads are whole numbers.
SAME_WORK = 0.25
GROWING = ("model.preset", "model.num_layers", "model.hidden_size", "model.ffn_hidden_size",
           "model.num_attention_heads", "model.num_query_groups", "model.seq_length",
           "model.micro_batch_size", "model.vocab_size")
# On one rank there is nothing to shard and nothing to hide.
IDLE_ON_ONE = ("sharding", "overlap.mode", "overlap.progress", "overlap.chunks", "comm.backend",
               "comm.algorithm", "comm.messages", "comm.register_buffers")


@dataclasses.dataclass
class Line:
    """Cases over rising t. `kind` is strong or weak."""

    label: str
    kind: str
    cases: list

    def efficiency(self, case):
        first, here = (one.median("flops.gflops_per_rank") for one in (self.cases[0], case))
        return here / first if first and here else None


def hosts_of(case):
    return len({rank["host"] for rank in case.last.data["ranks_detail"]})


def work_of(case):
    return case.median("flops.model_per_step") / case.t


def key_of(case, hidden):
    """The settings of a case but the keys `hidden`, as a key."""
    return str(sorted((name, value) for name, value in case.settings.items()
                      if name not in hidden))


def grouped(cases, hidden):
    """Lists of cases by key_of(), in the order of the cases."""
    groups = {}
    for case in cases:
        groups.setdefault(key_of(case, hidden), []).append(case)
    return list(groups.values())


def is_line(cases):
    return len(cases) > 1 and len({case.t for case in cases}) == len(cases)


def split(group, hidden):
    """A group as lines. It is one line where each t occurs once, on any hosts and in any file. Else
    there is one line per number of hosts, or per number of hosts and file."""
    for parts in ([group], grouped(group, {"file", *hidden}), grouped(group, hidden)):
        if all(len({case.t for case in part}) == len(part) for part in parts):
            return parts
    return []


def base_finder(cases, hidden):
    """Gives the only case of one rank with which a line could have begun, for a case of the line.
    It has the same settings, or the same but for those that are idle on one rank. None where there
    is none."""
    ones = [case for case in cases if case.t == 1]
    tables = []
    for idle in ((), IDLE_ON_ONE):
        unseen = {"file", "hosts", *hidden, *idle}
        groups = {key_of(group[0], unseen): group for group in grouped(ones, unseen)}
        tables.append((unseen, groups))

    def find(case):
        for unseen, groups in tables:
            fit = groups.get(key_of(case, unseen), [])
            if len(fit) == 1:
                return fit[0]
        return None
    return find


def lines_of(cases, hidden, kind):
    """The lines within `cases`, each over rising t."""
    if len({case.t for case in cases}) < 2:
        return []
    base_of = base_finder(cases, hidden)
    found = []
    for group in grouped(cases, {"file", "hosts", *hidden}):
        for part in split(group, hidden):
            line = sorted(part, key=lambda case: case.t)
            base = base_of(line[0]) if line[0].t > 1 else None
            line = [base, *line] if base else line
            if is_line(line):
                found.append(Line("", kind, line))
    return found


def strong_lines(cases):
    return lines_of(cases, {"parallel.tensor"}, "strong")


def is_weak(line):
    """Whether operations grow nearly as t does. Strong scaling does not count."""
    work = [work_of(case) for case in line.cases]
    totals = {case.median("flops.model_per_step") for case in line.cases}
    return len(totals) > 1 and max(work) <= (1 + SAME_WORK) * min(work)


def weak_lines(cases):
    return [line for line in lines_of(cases, {"parallel.tensor", *GROWING}, "weak")
            if is_weak(line)]


def name_lines(lines):
    """Labels that distinguish the lines from each other, by their last cases. The first case may be
    one of one rank, which several lines have."""
    flats = [line.cases[-1].settings for line in lines]
    for line, flat in zip(lines, flats):
        said = ("sharding", "spared", "parallel.tensor", "file",
                *(GROWING if line.kind == "weak" else ()))
        varying = [key for key in flat if key not in said
                   and any(other.get(key) != flat[key] for other in flats)]
        words = [flat["sharding"], flat["spared"], *(word_for(key, flat[key]) for key in varying)]
        line.label = ", ".join(filter(None, words))
    return lines
