# SPDX-License-Identifier: BSD-3-Clause
"""Reads records for the report: one at a time, thinned out, and gathered into cases."""

import dataclasses
import json
import os
import shlex

from tidemark_tools.plotting.names import labelled
from tidemark_tools.records import reader
from tidemark_tools.records.reader import Record
from tidemark_tools.reporting.cases import (MOST_CASES, MOST_PROBLEMS, Case, Collection, File,
                                            Occurrence)

SORTED = json.JSONEncoder(sort_keys=True)
PROBLEM = ("name", "precision")  # and all of model
TIME = "time_utc"  # no two records share it


def thinned(data):
    """The record without its large parts: tensors, tide, samples, calls, checks that hold."""
    thin = {**data, "memory": {**data["memory"], "tide": None, "by_tensor": [], "at_peak": [],
                               "ends": []}}
    thin.pop("provenance")  # kept once for all
    if data["kind"] == "run":
        thin["time"] = {name: {**value, "samples": None} if isinstance(value, dict) else value
                        for name, value in data["time"].items()}
        thin["flops"] = {**data["flops"], "gemm_gflops_samples": None}
        thin["verification"] = {"checks": [one for one in data["verification"]["checks"]
                                           if not one["passed"]]}
    thin["comm"] = {key: data["comm"].get(key) for key in ("wire_bytes_per_step", "emulated")}
    return thin


def labels_of(paths):
    """The labels of files: their names, or paths where names are not enough."""
    names = [os.path.basename(path) for path in paths]
    return [name if names.count(name) == 1 else path for name, path in zip(names, paths)]


def problem_of(case, version):
    """The problem of a case. What versions measure differs, so the version is part of it."""
    words = {"version": version, **{key: case[key] for key in (*PROBLEM, "model")}}
    return SORTED.encode(words)


def flattened(provenance, prefix=""):
    """(dotted key, value as text) of everything in it."""
    for key, value in provenance.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{key}.")
        elif isinstance(value, list) and all(isinstance(one, str) for one in value):
            yield f"{prefix}{key}", shlex.join(value) if key == "command_line" else ", ".join(value)
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value)


@dataclasses.dataclass
class Source:
    """A part of the provenance, its first place, and the number of records that have it."""

    content: dict
    place: str
    count: int


class Gatherer:
    """Sorts records into their cases as they come."""

    def __init__(self):
        self.problems = {}
        self.order = {}  # of the problems
        self.cases = {}
        self.sorted = {}  # settings as they are written -> with sorted keys
        self.shared = {}  # the settings of each case, once
        self.sources = {}  # provenance but for its time, as text -> (itself, place, count)

    def add(self, record):
        data = record.data
        if data["kind"] == "run":
            data["case"]["hosts"] = len({rank["host"] for rank in data["ranks_detail"]})
        key = (data["schema_version"], data["kind"], repr(data.get("test")),
               self.settings_of({**data["case"], "bench": None}))
        if key not in self.cases:
            self.cases[key] = self.new_case(data["case"], data["schema_version"])
            self.shared[key] = data["case"]
        case = self.cases[key]
        data["case"] = self.shared[key]
        self.count_provenance(record.data["provenance"], record.place)
        if case.is_detailed and data["valid"] is not False and (
                data["valid"] or case.detail is None or not case.detail.data["valid"]):
            case.detail = record
        case.records.append(Record(record.place, thinned(data)))

    def settings_of(self, settings):
        """Their text with sorted keys. Sorting takes time, so each text is sorted once."""
        text = repr(settings)
        if text not in self.sorted:
            self.sorted[text] = SORTED.encode(settings)
        return self.sorted[text]

    def new_case(self, settings, version):
        """A new case for its settings. The first cases of the first problems are kept whole."""
        problem = problem_of(settings, version)
        cases = self.problems.setdefault(problem, [])
        case = Case(problem, self.order.setdefault(problem, len(self.order)) < MOST_PROBLEMS
                    and len(cases) < MOST_CASES)
        cases.append(case)
        return case

    def count_provenance(self, provenance, place):
        """Counts the parts. Most records share all but the time, which is split once, at the
        end."""
        for part in ({TIME: provenance.pop(TIME)} if TIME in provenance else {}, provenance):
            text = repr(part)
            if text in self.sources:
                self.sources[text].count += 1
            else:
                self.sources[text] = Source(part, place, 1)

    @property
    def provenance(self):
        """{dotted key: {value as text: its Occurrence}}, in the order of the records."""
        found = {}
        for source in self.sources.values():
            for key, value in flattened(source.content):
                known = found.setdefault(key, {}).setdefault(value, Occurrence(source.place))
                known.count += source.count
        return found


def labels_within(examples):
    """Labels of cases, given a record of each. The page shows t beside a label. A label has the
    number of hosts only where nothing else distinguishes two cases."""
    over_t = any(record.t > 1 for record in examples)
    for hidden in (("parallel.tensor", "name", "hosts"), ("parallel.tensor", "name")):
        labels = [label for label, _ in labelled(examples, hidden, over_t=over_t)]
        if len({(label, record.t) for label, record in zip(labels, examples)}) == len(examples):
            break
    return labels


def gather(paths, remarks):
    """Reads the files. Raises InputError. `remarks` are told what is damaged or wrong."""
    gatherer = Gatherer()
    files = [File(path, label) for path, label in zip(paths, labels_of(paths))]
    for file in files:
        for record in reader.read_each(file.path, remarks):
            file.records += 1
            if len(files) > 1:
                record.data["case"]["file"] = file.label
            gatherer.add(record)
        if not file.records:
            raise reader.InputError(f"{file.path}: no records")
    for cases in gatherer.problems.values():
        examples = [case.last or case.records[0] for case in cases]
        for case, label in zip(cases, labels_within(examples)):
            case.label = label
    return Collection(files, gatherer.problems, gatherer.provenance, remarks.lines)
