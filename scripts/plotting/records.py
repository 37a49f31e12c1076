"""Reads records and checks that they hold what the figures need."""

import dataclasses
import functools
import json
import sys

from plotting import versions

CLASSES = ("saved", "recomputed", "transient", "workspace")  # from the bottom of the stack
SHAPE = {"num_layers": "L", "hidden_size": "h", "ffn_hidden_size": "ffn",
         "num_attention_heads": "a", "seq_length": "s", "micro_batch_size": "b", "vocab_size": "V"}
SYMBOLS = {**{f"model.{key}": symbol for key, symbol in SHAPE.items()}, "parallel.tensor": "t"}
INT, TEXT, FLAG, LIST = (int,), (str,), (bool,), (list,)
INT_OR_NULL = (int, type(None))
# What all figures need of a record, to name it: dotted key, types. JSON's true is no number.
NEEDED_OF_ALL = {
    "kind": TEXT, "valid": (bool, type(None)),
    "case.name": TEXT, "case.precision": TEXT, "case.recompute": TEXT,
    "case.model.attention": TEXT, **{f"case.{key}": INT for key in SYMBOLS},
    "case.parallel.sequence": FLAG, "case.parallel.keep_gathered": FLAG,
}
# What the figures of memory need.
NEEDED = {
    **NEEDED_OF_ALL,
    "memory.saved_bytes": INT_OR_NULL, "memory.saved_bytes_per_layer": INT_OR_NULL,
    "memory.formula_bytes_per_layer": INT, "memory.peak_bytes": INT_OR_NULL,
    "memory.by_tensor": LIST, "memory.tide": (dict, type(None)),
}
NEEDED_OF_TENSOR = {"name": TEXT, "bytes_per_layer": INT_OR_NULL, "formula_bytes_per_layer": INT,
                    "in_formula": FLAG}
NEEDED_OF_TIDE = {"rank": INT, "turn": INT, "microseconds": LIST, **dict.fromkeys(CLASSES, LIST)}


class InputError(Exception):
    """What is wrong with the input, and where: one line."""


@dataclasses.dataclass
class Record:
    """A record, and the FILE:LINE that it stands at."""

    place: str
    data: dict

    @property
    def version(self):
        """Of its schema; `data` has the words of version 2 in any case."""
        return self.data["schema_version"]

    @property
    def is_plan(self):
        return self.data["kind"] == "plan"

    @property
    def case(self):
        return self.data["case"]

    @property
    def memory(self):
        return self.data["memory"]

    @property
    def t(self):
        return self.case["parallel"]["tensor"]


def say(text):
    """Progress and remarks go to stderr."""
    print(f"[plot] {text}", file=sys.stderr)


@functools.lru_cache(maxsize=None)
def parts_of(key):
    return tuple(key.split("."))


def require(data, needed, prefix=""):
    """Raises InputError where `data` lacks a dotted key of `needed`, or has another type there."""
    for key, types in needed.items():
        value = data
        try:
            for part in parts_of(key):
                value = value[part]
        except (KeyError, TypeError):  # the latter of what is no object
            raise InputError(f"{prefix}{key}: missing") from None
        if type(value) not in types:
            raise InputError(f"{prefix}{key}: {json.dumps(value)[:40]} is of the wrong type")


def total_of(tide):
    """Live bytes of all classes after each change."""
    return [sum(sample) for sample in zip(*(tide[name] for name in CLASSES))]


def check_tide(memory):
    tide = memory["tide"]
    require(tide, NEEDED_OF_TIDE, "memory.tide.")
    times = tide["microseconds"]
    if not times:
        raise InputError("memory.tide.microseconds: no samples")
    for name in CLASSES:
        if len(tide[name]) != len(times):
            raise InputError(f"memory.tide.{name}: {len(tide[name])} values, but {len(times)} "
                             "microseconds")
        if not all(type(x) is int and x >= 0 for x in tide[name]):
            raise InputError(f"memory.tide.{name}: not all are bytes, whole numbers from 0 on")
    if not all(type(x) in (int, float) for x in times) or sorted(times) != times:
        raise InputError("memory.tide.microseconds: not all are numbers that never fall")
    if not 0 <= tide["turn"] < len(times):
        raise InputError(f"memory.tide.turn: {tide['turn']} is not one of {len(times)} samples")
    highest = max(total_of(tide))
    if memory["peak_bytes"] is not None and highest > memory["peak_bytes"]:
        raise InputError(f"memory.tide: rises to {highest} bytes, but memory.peak_bytes is "
                         f"{memory['peak_bytes']}")


def check(data):
    """Raises InputError unless `data` has all that the figures need."""
    check_outline(data)
    check_tensors(data["memory"])
    if data["memory"]["tide"] is not None:
        check_tide(data["memory"])


def check_outline(data):
    """check() without the tensors and the tide, the bulk of a record."""
    require(data, NEEDED)
    if data["kind"] not in ("run", "plan"):
        raise InputError(f"kind: {data['kind']} is neither run nor plan")


def check_tensors(memory):
    names = set()
    for i, tensor in enumerate(memory["by_tensor"]):
        require(tensor, NEEDED_OF_TENSOR, f"memory.by_tensor[{i}].")
        if tensor["name"] in names:
            raise InputError(f"memory.by_tensor[{i}].name: {tensor['name']} stands here twice")
        names.add(tensor["name"])


def refuse_constant(name):
    raise ValueError(f"{name} is no JSON")


def parse(text):
    """JSON as it is defined, without NaN; raises ValueError, for bad UTF-8, too."""
    try:
        return json.loads(text.decode("utf-8"), parse_constant=refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def lines_of(path):
    """The lines of a file as bytes, one after the other; raises InputError."""
    try:
        with open(path, "rb") as file:
            yield from file
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def read_each(path, is_fit=check, warn=say):
    """The records of a file, in order, one at a time, each of which `is_fit` lets pass. A last line
    that is no JSON is what a killed writer leaves: it is left out, with a warning to `warn`. Records
    of version 1 come in the words of version 2. Raises InputError, `FILE: ...` or `FILE:LINE: ...`;
    for a version that is not read, too."""
    lines = enumerate(lines_of(path), 1)
    for number, line in lines:
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            data = parse(line)
        except ValueError as error:
            if any(rest.strip() for _, rest in lines):
                raise InputError(f"{place}: not a JSON record: {error}") from error
            warn(f"{place}: left out: the last line is damaged, as by a writer that was killed: "
                 f"{error}")
            return
        objection = versions.objection(data)
        if objection:
            raise InputError(f"{place}: {objection}")
        data = versions.in_words_of_2(data)
        try:
            is_fit(data)
        except InputError as error:
            raise InputError(f"{place}: {error}") from error
        yield Record(place, data)


def read(path, is_fit=check):
    """All records of a file, as read_each() gives them."""
    return list(read_each(path, is_fit))


def drawable(records):
    """The records without those that are not valid, which are named on stderr."""
    for record in records:
        if record.data["valid"] is False:
            say(f"{record.place}: left out: not valid")
    return [record for record in records if record.data["valid"] is not False]
