# SPDX-License-Identifier: BSD-3-Clause
"""Reads records, by the rules of docs/definitions/record.md, section Reading records.

Each record has all keys of the schema, in the words of version 2, and its parts fit together.
"""

import dataclasses
import functools
import json

from tidemark_tools.messages import speaker
from tidemark_tools.records import consistency, schema, versions
from tidemark_tools.records.shapes import Fault, shown

CLASSES = consistency.CLASSES
SHAPE = {"num_layers": "L", "hidden_size": "h", "ffn_hidden_size": "ffn",
         "num_attention_heads": "a", "seq_length": "s", "micro_batch_size": "b", "vocab_size": "V"}
SYMBOLS = {**{f"model.{key}": symbol for key, symbol in SHAPE.items()}, "parallel.tensor": "t"}
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BLANKS = b" \t\r\n"


class InputError(Exception):
    """One line that says what is wrong with the input, and where."""


@dataclasses.dataclass
class Record:
    """A record, and its place in the files, FILE:LINE."""

    place: str
    data: dict

    @property
    def version(self):
        """The version of its schema. `data` has the words of version 2 in any case."""
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


say = speaker("plot")


class Remarks:
    """Remarks on files while they are read. Each is a line that goes to `say` at once, and is
    kept."""

    def __init__(self, say_it=say):
        self.say = say_it
        self.lines = []
        self.wrong = 0  # records that were left out; with any, scripts end with status 2

    def warn(self, text):
        self.lines.append(text)
        self.say(text)

    def leave_out(self, place, fault):
        self.wrong += 1
        self.warn(f"{place}: {fault}; this record is left out")


@functools.lru_cache(maxsize=None)
def parts_of(key):
    return tuple(key.split("."))


def total_of(tide):
    """Live bytes of all classes after each change."""
    return [sum(sample) for sample in zip(*(tide[name] for name in CLASSES))]


def refuse_constant(name):
    raise ValueError(f"{name} is no JSON")


def refuse_repeated(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {json.dumps(twice)} stands twice in an object")
    return found


class Counter:
    """Reads JSON and counts the keys of all objects in it."""

    def __init__(self):
        self.keys = 0
        self.decoder = json.JSONDecoder(parse_constant=refuse_constant, object_hook=self.count)

    def count(self, found):
        self.keys += len(found)
        return found

    def read(self, text):
        self.keys = 0
        return self.decoder.decode(text)


COUNTER = Counter()
STRICT_DECODER = json.JSONDecoder(parse_constant=refuse_constant, object_pairs_hook=refuse_repeated)


def parse(text):
    """The value of a text in strict JSON: no NaN, no key twice in an object. Raises ValueError,
    also for bad UTF-8."""
    decoded = text.removeprefix(BYTE_ORDER_MARK).decode("utf-8")
    try:
        data = COUNTER.read(decoded)
        # A colon follows each key. If there are as many as keys, no key is repeated: anything else
        # that looks like a key makes the left side larger.
        if b'" :' in text or b"\t" in text or b"\r" in text or text.count(b'":') != COUNTER.keys:
            data = STRICT_DECODER.decode(decoded)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if b"\\" in text and b"\\u" in text:
        json.dumps(data, ensure_ascii=False).encode("utf-8")  # half of a surrogate pair is no text
    return data


def lines_of(path):
    """The lines of a file as bytes, one after the other. Raises InputError."""
    try:
        with open(path, "rb") as file:
            yield from file
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def in_schema(data):
    """The record in the words of version 2. Raises Fault where it breaks its schema."""
    if not schema.KIND.holds(data["kind"]):
        raise Fault(f"{schema.KIND.words} is expected, not {shown(data['kind'])}", "kind")
    schema.SCHEMAS[data["kind"], data["schema_version"]].check(data)
    data = versions.in_words_of_2(data)
    consistency.check(data)
    return data


def whole_lines(path, remarks):
    """(place, data) of each line that is a record of a version that is read. A repeated line counts
    once. A killed writer leaves a last line that is no JSON: it is left out, with a warning."""
    lines = enumerate(lines_of(path), 1)
    known, repeated = {}, []
    for number, line in lines:
        line = line.strip(BLANKS).removeprefix(BYTE_ORDER_MARK)
        if not line:
            continue
        place = f"{path}:{number}"
        likeness = hash(line), len(line)  # of 64 bits, since a file may not fit into memory
        if likeness in known:
            repeated.append((number, known[likeness]))
            continue
        known[likeness] = number
        try:
            data = parse(line)
        except ValueError as error:
            if any(rest.strip(BLANKS) for _, rest in lines):
                raise InputError(f"{place}: is damaged: no whole JSON: {error}") from error
            remarks.warn(f"{place}: is damaged: no whole JSON: {error}; this last line is left out")
            break
        objection = versions.objection(data)
        if objection:
            raise InputError(f"{place}: {objection}")
        yield place, data
    if repeated:
        number, first = repeated[0]
        more = f" ({len(repeated)} such lines)" if len(repeated) > 1 else ""
        remarks.warn(f"{path}:{number}: the same record as in line {first}, counted once{more}")


def read_each(path, remarks):
    """The records of a file, in order, one at a time. One that breaks the schema is left out, and
    `remarks` says so. Raises InputError, `FILE: ...` or `FILE:LINE: ...`, for a line that is no
    record or is of a version that is not read."""
    for place, data in whole_lines(path, remarks):
        try:
            data = in_schema(data)
        except Fault as fault:
            remarks.leave_out(place, fault)
            continue
        doubt = consistency.doubt(data)
        if doubt:
            data["valid"] = False
            remarks.warn(f"{place}: {doubt}; it is not valid")
        yield Record(place, data)


def read(path, remarks=None):
    """All records of a file, as read_each() gives them."""
    return list(read_each(path, remarks or Remarks()))


def data_of(path, remarks=None):
    """Only the data of all records of a file."""
    return [record.data for record in read_each(path, remarks or Remarks())]


def drawable(records):
    """The records that may be drawn. Those that are not valid are named on stderr."""
    for record in records:
        if record.data["valid"] is False:
            say(f"{record.place}: left out: not valid")
    return [record for record in records if record.data["valid"] is not False]
