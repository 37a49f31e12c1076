# SPDX-License-Identifier: BSD-3-Clause
"""Intervals by bootstrap: ratios and differences of medians, as if all were measured again.

Efron, "Bootstrap Methods: Another Look at the Jackknife" (1979). A case has one record or several,
each with several samples. Each resample draws records, and samples of each record, with
replacement. It takes the median of the records' medians. Of many records it draws only the records.
"""

RESAMPLES = 2000
LEVEL = 0.95
MANY = 20  # from this number of records on, the noise between them is enough
SEED = 20221125  # the same files give the same intervals


def new_random():
    import numpy

    return numpy.random.default_rng(SEED)


def resampled_medians(random, samples):
    """Medians of the resamples of one list of samples."""
    import numpy

    values = numpy.asarray(samples, dtype=float)
    return numpy.median(values[random.integers(len(values), size=(RESAMPLES, len(values)))], axis=1)


def resampled_efficiencies(random, tuples):
    """E of the resamples of (step, serial, compute_serial) samples that were measured together."""
    return resampled_ratios(random, tuples,
                            lambda step, serial, bare: (serial - step, serial - bare))


def resampled_schedule_efficiencies(random, tuples):
    """Schedule efficiency of the resamples of (step, serial, compute) samples, measured
    together."""
    return 1 - resampled_ratios(random, tuples,
                                lambda step, serial, bare: (step - bare, serial - bare))


def resampled_ratios(random, tuples, differences):
    """Ratios of the medians of two differences within a tuple."""
    import numpy

    above, below = differences(*(numpy.asarray(series, dtype=float) for series in tuples))
    drawn = random.integers(len(above), size=(RESAMPLES, len(above)))
    with numpy.errstate(divide="ignore", invalid="ignore"):
        return numpy.median(above[drawn], axis=1) / numpy.median(below[drawn], axis=1)


def over_records(random, records, resampled, exact):
    """The statistic of a case in each resample. `resampled(random, record)` gives that of one
    record in all resamples, and `exact(record)` that of the unchanged record."""
    import numpy

    if len(records) >= MANY:
        known = numpy.asarray([exact(record) for record in records])
        drawn = random.integers(len(known), size=(RESAMPLES, len(known)))
        return numpy.median(known[drawn], axis=1)
    of_each = numpy.stack([resampled(random, record) for record in records])
    drawn = random.integers(len(records), size=(len(records), RESAMPLES))
    return numpy.median(numpy.take_along_axis(of_each, drawn, axis=0), axis=0)


def interval(values):
    """The middle LEVEL of the values; None where too many of them are no numbers."""
    import numpy

    known = values[numpy.isfinite(values)]
    if len(known) < LEVEL * len(values):
        return None
    low, high = numpy.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
