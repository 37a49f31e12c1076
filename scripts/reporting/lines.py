"""Lines over t: cases that differ in t alone, or also in a problem that grows with it."""

import dataclasses

from plotting.names import word_for

SAME_WORK = 0.02  # how far operations a rank may differ within weak scaling
GROWING = ("name", "model.preset", "model.num_layers", "model.hidden_size", "model.ffn_hidden_size",
           "model.num_attention_heads", "model.num_query_groups", "model.seq_length",
           "model.micro_batch_size", "model.vocab_size")


@dataclasses.dataclass
class Line:
    """Cases over rising t; `kind` is strong or weak."""

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


def grouped(cases, hidden):
    """Lists of cases that agree in all settings but the keys `hidden`."""
    groups = {}
    for case in cases:
        key = str(sorted((name, value) for name, value in case.settings.items()
                         if name not in hidden))
        groups.setdefault(key, []).append(case)
    return list(groups.values())


def is_line(cases):
    return len(cases) > 1 and len({case.t for case in cases}) == len(cases)


def lines_of(cases, hidden, kind):
    """Lines within `cases`. Those of several files are one line where each t stands in one file."""
    found = []
    for group in grouped(cases, {"file", *hidden}):
        for line in [group] if is_line(group) else grouped(group, hidden):
            if is_line(line):
                found.append(Line("", kind, sorted(line, key=lambda case: case.t)))
    return found


def strong_lines(cases):
    return lines_of(cases, {"parallel.tensor"}, "strong")


def weak_lines(cases):
    """Only those whose work grows with t."""
    found = lines_of(cases, {"parallel.tensor", *GROWING}, "weak")
    def grows(line):
        work = [work_of(case) for case in line.cases]
        return max(work) <= (1 + SAME_WORK) * min(work)
    return [line for line in found if grows(line)]


def common_settings(line):
    """What all cases of a line agree in."""
    first, *others = (case.settings for case in line.cases)
    return {key: value for key, value in first.items()
            if all(key in other and other[key] == value for other in others)}


def name_lines(lines):
    """Labels that say what tells the lines from each other."""
    flats = [common_settings(line) for line in lines]
    for line, flat in zip(lines, flats):
        varying = [key for key in flat if key != "mode"
                   and any(other.get(key) != flat[key] for other in flats)]
        line.label = ", ".join([flat["mode"], *filter(None, (word_for(key, flat[key]) for key in varying))])
    return lines
