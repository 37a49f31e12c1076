# SPDX-License-Identifier: BSD-3-Clause
"""Cases: the records of the same settings, and what they say together.

A *case* is all records of the same version and settings, in one file and on as many hosts: repeats.
The settings of `bench` do not count. A *problem* is all cases of the same version, name, model and
precision, which may be compared.
"""

import dataclasses
import functools
import statistics

from tidemark_tools.plotting.names import mode_of, settings, title_of
from tidemark_tools.records import reader
from tidemark_tools.records.reader import Record
from tidemark_tools.records.versions import NEWEST

# So many problems and cases keep whole records, with their tensors and tides, and can be drawn. A
# drawing takes a quarter of a second, so that fewer problems of many records are drawn.
MOST_PROBLEMS, MOST_CASES = 6, 6
MANY_RECORDS, FEW_PROBLEMS = 1000, 1


@dataclasses.dataclass
class Case:
    """Records of the same settings, thinned out. All are there before a section asks for figures.
    `detail` is the last record whose figures count, with all that it holds. It is None where it is
    not kept."""

    problem: str
    is_detailed: bool
    records: list = dataclasses.field(default_factory=list)
    detail: Record = None
    label: str = ""
    known: dict = dataclasses.field(default_factory=dict)  # what values() found

    @functools.cached_property
    def sound(self):
        """The records whose figures count: those that are valid, or those that were not verified
        where none is valid. Those of plans are not verified."""
        return self.valid or [record for record in self.records if record.data["valid"] is None]

    @functools.cached_property
    def valid(self):
        return [record for record in self.records if record.data["valid"] is True]

    @property
    def last(self):
        """The last record whose figures count, or None."""
        return self.sound[-1] if self.sound else None

    @functools.cached_property
    def invalid(self):
        return [record for record in self.records if record.data["valid"] is False]

    @property
    def not_verified(self):
        return [record for record in self.records
                if not record.is_plan and record.data["valid"] is None]

    @property
    def is_plan(self):
        return self.records[0].is_plan

    @property
    def is_emulated(self):
        return any(record.data["comm"]["emulated"] for record in self.records)

    @property
    def is_planted(self):
        return is_planted(self.records[0])

    @property
    def t(self):
        return self.records[0].t

    @functools.cached_property
    def settings(self):
        """As settings() of names, with the words of the mode: how activations are sharded, and how
        else they are spared."""
        sharding, _, spared = mode_of(self.records[0], True).partition(", ")
        return {**settings(self.records[0]), "sharding": sharding, "spared": spared}

    def values(self, key):
        """The known values under a dotted key, of the records whose figures count."""
        if key not in self.known:
            found = [value_at(record.data, key) for record in self.sound]
            self.known[key] = [value for value in found if value is not None]
        return self.known[key]

    def median(self, key):
        found = self.values(key)
        return statistics.median(found) if found else None

    def largest(self, key):
        return max(self.values(key), default=None)

    @property
    def version(self):
        return self.records[0].version

    def merits(self, name):
        """The figures of that name in `fom`, of the valid records that have one."""
        found = [record.data["fom"][name] for record in self.valid]
        return [value for value in found if value is not None]

    @property
    def model_tflops_per_s(self):
        """The figure of merit: its median over the records."""
        found = self.merits("model_tflops_per_s")
        return statistics.median(found) if found else None

    @property
    def merit_interval(self):
        """The 90 % interval of the figure of merit. For several records it spans all of their
        intervals. It is (None, None) unless each has one."""
        found = self.merits("model_tflops_per_s_ci")
        if not found or len(found) < len(self.merits("model_tflops_per_s")):
            return None, None
        return min(low for low, _ in found), max(high for _, high in found)

    @property
    def tokens_per_s(self):
        found = self.merits("tokens_per_s")
        return statistics.median(found) if found else None


@dataclasses.dataclass
class File:
    path: str
    label: str
    records: int = 0


@dataclasses.dataclass
class Occurrence:
    """The first place of a value, and how often it occurs."""

    place: str
    count: int = 0


@dataclasses.dataclass
class Collection:
    """All that was read. `problems` are lists of cases by problem, in the order of the files.
    `provenance` has the Occurrence of each value under each dotted key. `warnings` are lines for
    the reader."""

    files: list
    problems: dict
    provenance: dict
    warnings: list

    @property
    def records(self):
        return sum(file.records for file in self.files)

    @property
    def most_drawn(self):
        """The number of problems that get figures."""
        return MOST_PROBLEMS if self.records < MANY_RECORDS else FEW_PROBLEMS

    @property
    def cases(self):
        return [case for cases in self.problems.values() for case in cases]

    @functools.cached_property
    def versions(self):
        return sorted({case.version for case in self.cases})

    def title(self, problem):
        """The text with the version of the records, where there are several or it is an old one."""
        cases = self.problems[problem]
        title = title_of([case.records[0] for case in cases], over_t=True)
        if self.versions == [NEWEST]:
            return title
        return f"{title} (record version {cases[0].version})"


def is_planted(record):
    """Whether a rank of the run was made slow on purpose."""
    return bool(record.data.get("test"))


def value_at(data, key):
    """The value under a dotted key; None where there is none."""
    try:
        for part in reader.parts_of(key):
            data = data[part]
    except (KeyError, TypeError):  # null gives a TypeError
        return None
    return data
