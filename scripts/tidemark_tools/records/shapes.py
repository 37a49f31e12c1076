# SPDX-License-Identifier: BSD-3-Clause
"""Shapes of values of JSON, and what is wrong with a value of another shape.

A shape has check(value), which raises Fault. Good values must pass it quickly: a report reads ten
thousand records. The reason is worked out only where something is wrong.
"""

import dataclasses
import functools
import json
import operator

NO_LIMIT = float("inf")
NUMERIC = frozenset((int, float))
NONE = type(None)
NESTED = (dict, list)
MOST_DEPTH = 100  # of lists and objects within each other
MOST_PLANS = 1000
SHOWN = 40  # characters of a value that is wrong


class Fault(Exception):
    """What is wrong with a value, and the keys that lead to it."""

    def __init__(self, reason, path=""):
        super().__init__(reason)
        self.reason, self.path = reason, path

    def below(self, key):
        """The same fault, seen from the object that has the value under `key`, or under an
        index."""
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
    """A value without parts. The limits are for numbers, and JSON's true is not a number."""

    words: str  # "a text"
    types: frozenset
    least: float = -NO_LIMIT
    most: float = NO_LIMIT
    accepted: tuple = ()  # the only texts; empty: any text
    is_nullable: bool = False

    @functools.cached_property
    def has_limits(self):
        return self.least > -NO_LIMIT or self.most < NO_LIMIT

    @functools.cached_property
    def is_free(self):
        """Whether all values of the types are accepted."""
        return not self.has_limits and not self.accepted

    def holds(self, value):
        if type(value) not in self.types:
            return False
        if value is None or type(value) is bool:
            return True
        if type(value) is str:
            return not self.accepted or value in self.accepted
        return self.least <= value <= self.most

    def holds_all(self, values):
        """Whether all of the values are surely right. A mixture with words is not sure."""
        found = set(map(type, values))
        if not found <= self.types:
            return False
        if self.is_free:
            return True
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
        self.are_sound = shape.holds_all  # looks at all values at once

    def check(self, value):
        if type(value) is not list:
            raise Fault(f"{self.words} is expected, not {shown(value)}")
        if len(value) < self.least:
            raise Fault("the list is empty")
        if not value or self.are_sound(value):
            return
        shape, index = self.shape, 0
        try:
            for index, one in enumerate(value):
                shape.check(one)
        except Fault as fault:
            raise fault.below(index) from None


class Unread(Items):
    """A list that no script reads. The check does not read it either, which saves a tenth of a
    report's time."""

    def check(self, value):
        if type(value) is not list:
            raise Fault(f"{self.words} is expected, not {shown(value)}")

    def check_deeply(self, value):
        super().check(value)


class Mapping:
    """An object of any keys, all of one shape."""

    def __init__(self, shape):
        self.shape = shape
        self.words, self.is_nullable = "an object", False

    def holds_all(self, values):
        return set(map(type, values)) == {dict} and self.shape.holds_all(
            [one for value in values for one in value.values()])

    def check(self, value):
        if type(value) is not dict:
            raise Fault(f"{self.words} is expected, not {shown(value)}")
        if self.shape.holds_all(value.values()):
            return
        for key, one in value.items():
            try:
                self.shape.check(one)
            except Fault as fault:
                raise fault.below(key) from None


class Anything:
    """A value under an unknown key. It must not be nested too deep to be written again."""

    def check(self, value, left=MOST_DEPTH):
        if left == 0:
            raise Fault(f"nested deeper than {MOST_DEPTH}")
        for one in value.values() if type(value) is dict else value:
            if type(one) in NESTED:
                self.check(one, left - 1)


class Object:
    """An object of known keys. `table` gives their shapes; a key that may be missing ends in "?".
    Other keys are accepted, because later programs may write them."""

    def __init__(self, table):
        self.words, self.is_nullable = "an object", False
        self.shapes = {key.rstrip("?"): shape for key, shape in table.items()}
        self.needed = [key for key in table if not key.endswith("?")]
        self.is_row = len(table) > 1 and len(self.needed) == len(table) and all(
            isinstance(shape, (Scalar, Mapping)) for shape in table.values())
        self.cells_of = operator.itemgetter(*table) if self.is_row else None
        self.plans = {}  # by the keys of an object and the types of its values

    def holds_all(self, values):
        """Whether all values are surely right. It checks the columns of a table."""
        if not self.is_row or set(map(type, values)) != {dict}:
            return False
        try:
            columns = zip(*map(self.cells_of, values))
            for shape, column in zip(self.shapes.values(), columns):
                if not shape.holds_all(column):
                    return False
            return True
        except KeyError:
            return False

    def check(self, value):
        if type(value) is not dict:
            raise Fault(f"{self.words} is expected, not {shown(value)}")
        likeness = (*value, *map(type, value.values()))
        plan = self.plans.get(likeness)
        if plan is None:
            self.check_scalars(value)
            plan = self.plan_of(value)
            if len(self.plans) < MOST_PLANS:
                self.plans[likeness] = plan
        for cells_of, least, most in plan.numbers:
            cells = cells_of(value)
            if not (least <= min(cells) and max(cells) <= most):
                self.check_scalars(value)
        key = None
        try:
            for key, shape in plan.parts:
                shape.check(value[key])
        except Fault as fault:
            raise fault.below(key) from None

    def check_scalars(self, value):
        """Raises Fault where a key is missing, or a value without parts is wrong."""
        for key in self.needed:
            if key not in value:
                raise Fault("missing", key)
        for key, one in value.items():
            shape = self.shapes.get(key)
            if isinstance(shape, Scalar) or (shape and one is None and not shape.is_nullable):
                try:
                    shape.check(one)
                except Fault as fault:
                    raise fault.below(key) from None

    def plan_of(self, value):
        """What remains to be checked of objects with the same keys and types. The types are
        right."""
        limits, parts = {}, []
        for key, one in value.items():
            shape = self.shapes.get(key, ANYTHING if type(one) in NESTED else None)
            if one is None or shape is None:
                continue
            if not isinstance(shape, Scalar) or (shape.accepted and type(one) is str):
                parts.append((key, shape))
            elif type(one) in NUMERIC and shape.has_limits:
                limits.setdefault((shape.least, shape.most), []).append(key)
        return Plan([(operator.itemgetter(*keys, keys[0]), *limit)
                     for limit, keys in limits.items()], parts)


@dataclasses.dataclass(frozen=True)
class Plan:
    numbers: list  # (getter of several numbers, least, most)
    parts: list  # (key, shape)


ANYTHING = Anything()


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
    """Dotted keys of `value` that the shape does not know. A test asks this of real records."""
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
