# SPDX-License-Identifier: BSD-3-Clause
"""The names of cases in titles and legends."""

import functools
import json

from tidemark_tools.records.reader import SYMBOLS, say

WORDS = {"file": "in {}", "hosts": "hosts {}", "overlap.mode": "overlap {}",
         "emulated_link.latency_us": "emulated latency {:g} \u00b5s",
         "emulated_link.bandwidth_gbytes_per_s": "emulated {:g} GB/s"}


MODE = ("parallel.sequence", "parallel.keep_gathered", "recompute", "model.attention")


@functools.lru_cache(maxsize=1000)
def dotted(section, key):
    return f"{section}.{key}"


def settings(record):
    """The case as a flat dict of dotted keys. It leaves out bench.*, which cannot change bytes,
    what mode_of() says, and defaults that follow from other keys."""
    flat = {}
    for key, value in record.case.items():
        if not isinstance(value, dict):
            flat[key] = value
        elif key != "bench":
            for inner, one in value.items():
                flat[dotted(key, inner)] = one
    model = record.case["model"]
    follows = {"model.ffn_hidden_size": 4 * model["hidden_size"],
               "model.num_query_groups": model["num_attention_heads"]}
    for key in MODE:
        flat.pop(key, None)
    for key, value in follows.items():
        if flat.get(key) == value:
            del flat[key]
    return flat


def mode_of(record, over_t):
    """The words of the table of `tidemark run`, and how activations are spared. With `over_t`, a
    case of one rank gets the name of a line over t, because such a line begins there."""
    sharding = record.case["parallel"]
    if record.t == 1 and not over_t:
        words = ["single"]
    elif not sharding["sequence"]:
        words = ["TP"]
    else:
        words = ["TP+SP keep" if sharding["keep_gathered"] else "TP+SP"]
    if record.case["recompute"] != "none":
        words.append(f"{record.case['recompute']} recompute")
    if record.case["model"]["attention"] != "materialized":
        words.append(f"{record.case['model']['attention']} attention")
    return ", ".join(words)


def word_for(key, value):
    """A setting as titles and labels show it. Shapes are shown by their symbols. The text is "" for
    a link that is not emulated."""
    if key.startswith("emulated_link.") and value == 0:
        return ""
    if key in ("name", "precision"):
        return value
    if key in SYMBOLS:
        return f"{SYMBOLS[key]} {value}"
    if key in WORDS:
        return WORDS[key].format(value)
    return f"{key.rpartition('.')[2]}={value if isinstance(value, str) else json.dumps(value)}"


def shared_and_varying(flat):
    """The settings that all records share, and the keys of those in which they differ."""
    if len(flat) == 1:
        return flat[0], []
    keys = list(dict.fromkeys(key for one in flat for key in one))
    shared = {key: flat[0][key] for key in keys
              if all(key in one and one[key] == flat[0][key] for one in flat)}
    return shared, [key for key in keys if key not in shared]


def labelled(records, hidden=(), always=(), over_t=False):
    """(label, record) of each: its mode, and what distinguishes it from the others, except the keys
    `hidden`. The keys `always` are named even where they distinguish nothing. `over_t` is that of
    mode_of()."""
    flats = [settings(record) for record in records]
    _, varying = shared_and_varying(flats)
    varying = [*always, *(key for key in varying if key not in hidden and key not in always)]
    kinds = {record.is_plan for record in records}
    versions = {record.version for record in records}
    pairs = []
    for record, flat in zip(records, flats):
        words = [mode_of(record, over_t),
                 *(word_for(key, flat[key]) for key in varying if key in flat)]
        if record.is_plan and len(kinds) > 1:
            words.append("plan")
        if len(versions) > 1:
            words.append(f"record version {record.version}")
        if not record.is_plan and record.data["valid"] is None:
            words.append("not verified")
        pairs.append((", ".join(filter(None, words)), record))
    return pairs


def named(figure, records, over=None, always=()):
    """As labelled(), without the key `over`, along which lines run. Of records with one label and
    one value of it the last counts. The others are named on stderr."""
    latest = {}
    for label, record in labelled(records, (over,), always, over == "parallel.tensor"):
        key = (label, settings(record).get(over))
        if key in latest:
            say(f"{figure}: {latest[key].place}: left out: the same case stands again at "
                f"{record.place}")
        latest[key] = record
    return [(label, record) for (label, _), record in latest.items()]


def title_of(records, over_t=False):
    """What all records share: name, shape, precision and t, and whether they are plans."""
    shared, _ = shared_and_varying([settings(record) for record in records])
    words = [word_for(key, shared[key]) for key in (*SYMBOLS, "precision")
             if shared.get(key) and not (over_t and key == "parallel.tensor")]
    text = ", ".join(words)
    if "name" in shared:
        text = f"{shared['name']}: {text}"
    return text + (" (plan)" if all(record.is_plan for record in records) else "")
