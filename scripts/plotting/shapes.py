"""Shapes that values of JSON may have, and what is wrong with a value of another shape.

A shape has check(value), which raises Fault. Sound values must pass it quickly: a report reads ten
thousand records. What is wrong is worked out only where something is.
"""

import dataclasses
import json
import operator

NO_LIMIT = float("inf")
NUMERIC = frozenset((int, float))
NONE = type(None)
SHOWN = 40  # characters of a value that is wrong


class Fault(Exception):
    """What is wrong with a value, and the keys that lead to it."""

    def __init__(self, reason, path=""):
        super().__init__(reason)
        self.reason, self.path = reason, path

    def below(self, key):
        """The same, seen from the object that has the value under `key`, or under an index."""
        step = f"[{key}]" if isinstance(key, int) else key
        join = "." if self.path and not self.path.startswith("[") else ""
        return Fault(self.reason, f"{step}{join}{self.path}")

    def __str__(self):
        return f"{self.path}: {self.reason}" if self.path else self.reason


def shown(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


@dataclasses.dataclass(frozen=True)
class Scalar:
    """A value without parts. Limits are those of numbers; JSON's true is none."""

    words: str  # "a text"
    types: frozenset
    least: float = -NO_LIMIT
    most: float = NO_LIMIT
    accepted: tuple = ()  # the texts that there are; empty: any
    is_nullable: bool = False

    @property
    def has_limits(self):
        return self.least > -NO_LIMIT or self.most < NO_LIMIT

    def holds(self, value):
        if type(value) not in self.types:
            return False
        if value is None or type(value) is bool:
            return True
        if type(value) is str:
            return not self.accepted or value in self.accepted
        return self.least <= value <= self.most

    def holds_all(self, values):
        """Whether all of the values are surely right; of a mixture with words nobody is sure."""
        found = set(map(type, values))
        if not found <= self.types:
            return False
        if NONE in found:
            found.discard(NONE)
            values = [value for value in values if value is not None]
        if found and found <= NUMERIC:
            return self.least <= min(values) and max(values) <= self.most
        return not self.accepted and not found & NUMERIC

    def check(self, value):
        if not self.holds(value):
            raise Fault(f"{self.words} is expected, not {shown(value)}")


class Items:
    """A list of values of one shape."""

    def __init__(self, shape, least=0):
        self.shape, self.least = shape, least
        self.words, self.is_nullable = "a list", False

    def is_sound(self, values):
        """Whether all values are surely right, by a look at all of them at once."""
        if isinstance(self.shape, Scalar):
            return self.shape.holds_all(values)
        return isinstance(self.shape, Object) and self.shape.holds_all(values)

    def check(self, value):
        if type(value) is not list:
            raise Fault(f"{self.words} is expected, not {shown(value)}")
        if len(value) < self.least:
            raise Fault("the list is empty")
        if not value or self.is_sound(value):
            return
        shape, index = self.shape, 0
        try:
            for index, one in enumerate(value):
                shape.check(one)
        except Fault as fault:
            raise fault.below(index) from None


class Mapping:
    """An object of any keys, all of one shape."""

    def __init__(self, shape):
        self.shape = shape
        self.words, self.is_nullable = "an object", False

    def check(self, value):
        if type(value) is not dict:
            raise Fault(f"{self.words} is expected, not {shown(value)}")
        if isinstance(self.shape, Scalar) and self.shape.holds_all(value.values()):
            return
        for key, one in value.items():
            try:
                self.shape.check(one)
            except Fault as fault:
                raise fault.below(key) from None


class Object:
    """An object of known keys. `table` gives their shapes; one that may be missing ends in "?". Other
    keys are let pass, for later programs may write them."""

    def __init__(self, table):
        self.words, self.is_nullable = "an object", False
        self.shapes = {key.rstrip("?"): shape for key, shape in table.items()}
        self.needed = {key: shape for key, shape in table.items() if not key.endswith("?")}
        self.optional = [(key[:-1], shape) for key, shape in table.items() if key.endswith("?")]
        scalars = {key: shape for key, shape in self.needed.items() if isinstance(shape, Scalar)
                   and not shape.accepted}
        self.words_of = [(key, shape.types) for key, shape in scalars.items() if not shape.has_limits]
        self.numbers = [(key, shape.types, shape.least, shape.most)
                        for key, shape in scalars.items() if shape.has_limits]
        self.parts = [(key, shape) for key, shape in self.needed.items() if key not in scalars]
        self.is_row = len(self.needed) > 1 and not self.optional and all(
            isinstance(shape, Scalar) for shape in self.needed.values())
        self.cells_of = operator.itemgetter(*self.needed) if self.is_row else None

    def holds_all(self, values):
        """Whether all values are surely right: those of a table, whose columns are looked at."""
        if not self.is_row or set(map(type, values)) != {dict}:
            return False
        try:
            columns = zip(*map(self.cells_of, values))
            return all(shape.holds_all(column)
                       for shape, column in zip(self.needed.values(), columns))
        except KeyError:
            return False

    def check(self, value):
        if type(value) is not dict:
            raise Fault(f"{self.words} is expected, not {shown(value)}")
        key = None
        try:
            for key, types in self.words_of:
                if type(value[key]) not in types:
                    self.shapes[key].check(value[key])
            for key, types, least, most in self.numbers:
                one = value[key]
                if type(one) not in types or (one is not None and not least <= one <= most):
                    self.shapes[key].check(one)
            for key, shape in self.parts:
                one = value[key]
                if one is not None or not shape.is_nullable:
                    shape.check(one)
        except KeyError:
            raise Fault("missing", key) from None
        except Fault as fault:
            raise fault.below(key) from None
        for key, shape in self.optional:
            if key in value and not (value[key] is None and shape.is_nullable):
                try:
                    shape.check(value[key])
                except Fault as fault:
                    raise fault.below(key) from None


def or_null(shape):
    """The shape, or null."""
    words = f"{shape.words} or null"
    if isinstance(shape, Scalar):
        return dataclasses.replace(shape, words=words, types=shape.types | {NONE},
                                   is_nullable=True)
    other = object.__new__(type(shape))
    other.__dict__.update(shape.__dict__, words=words, is_nullable=True)
    return other


def unknown_keys(shape, value, path=""):
    """Dotted keys of `value` that the shape does not know, for whoever compares it with a writer."""
    if isinstance(shape, Object) and isinstance(value, dict):
        for key, one in value.items():
            place = f"{path}.{key}" if path else key
            if key in shape.shapes:
                yield from unknown_keys(shape.shapes[key], one, place)
            else:
                yield place
    elif isinstance(shape, Items) and isinstance(value, list):
        for one in value:
            yield from unknown_keys(shape.shape, one, f"{path}[]")
