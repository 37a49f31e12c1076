"""Reads records for the report: one at a time, thinned out, and gathered into cases."""

import json
import os
import shlex

from plotting import overlap, records
from plotting.names import labelled
from plotting.records import Record
from reporting.cases import MOST_CASES, MOST_PROBLEMS, Case, Collection, File, Occurrence

NUMBER, NUMBER_OR_NULL = (int, float), (int, float, type(None))
# What the report needs beyond what the figures need.
NEEDED_OF_RUN = {
    "fom.tokens_per_s": NUMBER_OR_NULL, "fom.model_tflops_per_s": NUMBER_OR_NULL,
    "fom.model_tflops_per_s_ci": (list, type(None)), "verification.checks": (list,), "ranks_detail": (list,),
    "flops.model_per_step": NUMBER_OR_NULL, "flops.gflops_per_rank": NUMBER_OR_NULL,
    "flops.fraction_of_gemm": NUMBER_OR_NULL, "memory.pool_bytes": NUMBER_OR_NULL,
    "memory.process_bytes": NUMBER_OR_NULL, "comm.wire_bytes_per_step": NUMBER_OR_NULL,
    "comm.emulated": (bool,), "time.serial_ms": (dict, type(None)),
    "time.compute_serial_ms": (dict, type(None)),
    "provenance": (dict,),
    **{f"time.step_ms.{key}": NUMBER for key in ("median", "min", "max", "iterations")},
    **{f"overlap.{key}": NUMBER_OR_NULL
       for key in ("exposed_ms", "timeline_exposed_ms", "intersect_ms")},
}
NEEDED_OF_PLAN = {"comm.wire_bytes_per_step": NUMBER_OR_NULL, "provenance": (dict,)}
NEEDED_OF_RANK = {"rank": (int,), "host": (str,), "step_ms": NUMBER, "blocked_ms": NUMBER}
# Keys of runs that the first records of this schema version lack, with what they would say.
ADDED = {"case.emulated_link": {"latency_us": 0.0, "bandwidth_gbytes_per_s": 0.0},
         "comm.emulated": False, "overlap.meaningful": None, "overlap.resolved": None,
         "overlap.exceeds_max": None, "overlap.void_because": None}
PROBLEM = ("name", "precision")  # and all of model


def check(data):
    """Raises InputError unless `data` has all that the report needs of every record."""
    records.check_outline(data)
    if data["kind"] == "plan":
        records.require(data, NEEDED_OF_PLAN)
        return
    complete(data)
    records.require(data, overlap.NEEDED)
    records.require(data, NEEDED_OF_RUN)
    overlap.check_efficiency(data["overlap"])
    merit = data["fom"]["model_tflops_per_s_ci"]
    if merit is not None and not overlap.is_interval(merit):
        raise records.InputError("fom.model_tflops_per_s_ci: not two numbers, of which the first is "
                                 "no larger")
    for i, rank in enumerate(data["ranks_detail"]):
        records.require(rank, NEEDED_OF_RANK, f"ranks_detail[{i}].")


def complete(data):
    for key, value in ADDED.items():
        section, _, name = key.partition(".")
        if isinstance(data.get(section), dict):
            data[section].setdefault(name, value)


def thinned(data):
    """The record without what makes it large: tensors, tide, samples, calls, checks that hold."""
    thin = {**data, "memory": {**data["memory"], "tide": None, "by_tensor": [], "at_peak": [],
                               "ends": []}}
    thin.pop("provenance")  # kept once for all
    if data["kind"] == "run":
        thin["time"] = {name: {key: one for key, one in value.items() if key != "samples"}
                        if isinstance(value, dict) else value
                        for name, value in data["time"].items()}
        thin["flops"] = {key: value for key, value in data["flops"].items()
                         if key != "gemm_gflops_samples"}
        thin["verification"] = {"checks": [one for one in data["verification"]["checks"]
                                           if not one.get("passed")]}
    thin["comm"] = {key: data["comm"].get(key) for key in ("wire_bytes_per_step", "emulated")}
    return thin


def labels_of(paths):
    """What files are called: their names, or paths where names are not enough."""
    names = [os.path.basename(path) for path in paths]
    return [name if names.count(name) == 1 else path for name, path in zip(names, paths)]


def problem_of(case, version):
    """Records of different versions are of different problems: what they measure is not the same."""
    words = {"version": version, **{key: case[key] for key in (*PROBLEM, "model")}}
    return json.dumps(words, sort_keys=True)


def flattened(provenance, prefix=""):
    """(dotted key, value as text) of everything in it."""
    for key, value in provenance.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{key}.")
        elif isinstance(value, list) and all(isinstance(one, str) for one in value):
            yield f"{prefix}{key}", shlex.join(value) if key == "command_line" else ", ".join(value)
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value)


class Gatherer:
    """Puts records into their cases as they come."""

    def __init__(self):
        self.problems = {}
        self.order = {}  # of the problems
        self.cases = {}
        self.shared = {}  # the settings of each case, once
        self.provenance = {}

    def add(self, record):
        data = record.data
        if data["kind"] == "run":
            data["case"]["hosts"] = len({rank["host"] for rank in data["ranks_detail"]})
        settings_text = json.dumps({key: value for key, value in data["case"].items()
                                    if key != "bench"}, sort_keys=True)
        key = (data["schema_version"], data["kind"], json.dumps(data.get("test")), settings_text)
        if key not in self.cases:
            self.cases[key] = self.new_case(data["case"], data["schema_version"])
            self.shared[key] = data["case"]
        case = self.cases[key]
        data["case"] = self.shared[key]
        self.count_provenance(record)
        if case.is_detailed and data["valid"] is not False and (
                data["valid"] or case.detail is None or not case.detail.data["valid"]):
            case.detail = record
        case.records.append(Record(record.place, thinned(data)))

    def new_case(self, settings, version):
        """The first of its settings; the first cases of the first problems are kept whole."""
        problem = problem_of(settings, version)
        cases = self.problems.setdefault(problem, [])
        case = Case(problem, self.order.setdefault(problem, len(self.order)) < MOST_PROBLEMS
                    and len(cases) < MOST_CASES)
        cases.append(case)
        return case

    def count_provenance(self, record):
        for key, value in flattened(record.data["provenance"]):
            known = self.provenance.setdefault(key, {})
            known.setdefault(value, Occurrence(record.place)).count += 1


def labels_within(examples):
    """Labels of cases, a record of each. Beside a label stands its t, and how many hosts there were
    is said only where nothing else tells two cases apart."""
    over_t = any(record.t > 1 for record in examples)
    for hidden in (("parallel.tensor", "name", "hosts"), ("parallel.tensor", "name")):
        labels = [label for label, _ in labelled(examples, hidden, over_t=over_t)]
        if len({(label, record.t) for label, record in zip(labels, examples)}) == len(examples):
            break
    return labels


def check_details(cases):
    """What of the records is looked at only where it is drawn."""
    for record in filter(None, (case.detail for case in cases)):
        try:
            records.check_tensors(record.memory)
            if record.memory["tide"] is not None:
                records.check_tide(record.memory)
        except records.InputError as error:
            raise records.InputError(f"{record.place}: {error}") from error


def gather(paths, say):
    """Reads the files; raises InputError. What is damaged is told to `say`, too."""
    warnings, gatherer = [], Gatherer()
    files = [File(path, label) for path, label in zip(paths, labels_of(paths))]

    def warn(text):
        warnings.append(text)
        say(text)

    for file in files:
        for record in records.read_each(file.path, check, warn):
            file.records += 1
            if len(files) > 1:
                record.data["case"]["file"] = file.label
            gatherer.add(record)
        if not file.records:
            raise records.InputError(f"{file.path}: no records")
    check_details(gatherer.cases.values())
    for cases in gatherer.problems.values():
        examples = [case.last or case.records[0] for case in cases]
        for case, label in zip(cases, labels_within(examples)):
            case.label = label
    return Collection(files, gatherer.problems, gatherer.provenance, warnings)
