# SPDX-License-Identifier: BSD-3-Clause
"""Reads what `tidemark run --dump DIR` wrote and assembles the shards of each tensor.

A dump of one case is `DIR/case.json` and `DIR/rank{r}/NAME.npy`. A sweep of several cases has one
such folder per case, `DIR/case{index}`. Nothing may be missing, and nothing unexpected may be
there. Every fault is put into words and not raised, so that a table can show all of them.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from formats import ELEMENT_FORMATS, FP64, GRADIENT_FORMATS, Format
from shards import Sharding, divided, sharding_of_parameter, whole_on_each
from stack import Model, parameter_names

ACTIVATIONS = ("input", "output", "output_grad", "input_grad")
ACTIVATIONS_WITH_ENDS = ("embedding", "output", "output_grad", "embedding_grad")


@dataclass(frozen=True)
class Case:
    """What the oracle needs to know of a case."""

    model: Model
    precision: str
    tensor: int
    sequence: bool
    keep_gathered: bool
    seed: int
    # These do not change the mathematics. They distinguish the cases of a sweep.
    recompute: str = "none"
    attention: str = "materialized"

    def describe(self):
        m = self.model
        llama = f", llama with g {m.groups}, theta {m.rope_theta:g}" if m.is_llama else ""
        return (
            f"{self.precision}{llama}, t {self.tensor}, SP {'on' if self.sequence else 'off'}"
            f"{', gathered inputs kept' if self.keep_gathered else ''}, recompute "
            f"{self.recompute}, attention {self.attention}, L {m.num_layers}, "
            f"s {m.seq_length}, b {m.micro_batch_size}, h {m.hidden_size}, "
            f"a {m.num_attention_heads}, ffn {m.ffn_hidden_size}, "
            f"V {m.vocab_size if m.has_ends else 'none'}, dropout {m.hidden_dropout:g} "
            f"and {m.attention_dropout:g}{'' if m.causal else ', not causal'}, seed {self.seed}"
        )


@dataclass(frozen=True)
class Entry:
    """One tensor of a dump. Its values are numbers of `format`."""

    shape: tuple  # unsharded
    sharding: Sharding
    format: Format

    def shard_shape(self, rank):
        """The shape of one rank's part."""
        return self.sharding.shard_shape(self.shape, rank)


@dataclass
class Dump:
    """The dump of one case: tensors assembled by name, in the precision of the run."""

    case: Case = None
    tensors: dict = field(default_factory=dict)
    problems: list = field(default_factory=list)

    @property
    def complete(self):
        """True if every expected tensor could be assembled."""
        return self.case is not None and set(self.tensors) == set(layout(self.case))


def parse_case(text):
    """The case from the text of case.json. Raises ValueError, KeyError, TypeError or
    ZeroDivisionError."""
    settings = json.loads(text)
    model, parallel = settings["model"], settings["parallel"]
    if model["family"] not in ("gpt", "llama"):
        raise ValueError(f"no oracle for the family {model['family']}")
    if settings["precision"] not in ELEMENT_FORMATS:
        raise ValueError(f"no oracle for the precision {settings['precision']}")
    case = Case(
        model=Model(**{name: model[name] for name in Model.__dataclass_fields__}),
        precision=settings["precision"],
        tensor=parallel["tensor"],
        sequence=parallel["sequence"],
        keep_gathered=parallel["keep_gathered"],
        seed=settings["bench"]["seed"],
        recompute=settings["recompute"],
        attention=model["attention"],
    )
    m = case.model
    if m.hidden_size % m.num_attention_heads:
        raise ValueError("num_attention_heads does not divide hidden_size")
    for name in ("num_attention_heads", "seq_length", "ffn_hidden_size"):
        if getattr(m, name) % case.tensor and (name != "seq_length" or case.sequence):
            raise ValueError(f"{case.tensor} ranks do not divide {name}")
    if m.num_attention_heads % m.groups or (case.tensor % m.groups and m.groups % case.tensor):
        raise ValueError(f"{case.tensor} ranks and {m.groups} groups do not divide each other")
    return case


def layout(case):
    """Every tensor of a dump: name -> Entry."""
    model, element, ranks = case.model, ELEMENT_FORMATS[case.precision], case.tensor
    activations = ACTIVATIONS_WITH_ENDS if model.has_ends else ACTIVATIONS
    shape = model.activation_shape
    along = divided(shape, 0, ranks) if case.sequence else whole_on_each(shape, ranks)
    tensors = {name: Entry(shape, along, element) for name in activations}
    if model.has_ends:
        tensors["loss"] = Entry((1,), whole_on_each((1,), ranks), FP64)
    for name, shape in parameter_names(model, ranks).items():
        sharding = sharding_of_parameter(model, name, shape, ranks)
        tensors[name] = Entry(shape, sharding, element)
        tensors[f"{name}.grad"] = Entry(shape, sharding, GRADIENT_FORMATS[case.precision])
    return tensors


def case_folders(root):
    """The folders of a dump that hold one case each, in order; empty if there is no dump."""
    root = Path(root)
    if (root / "case.json").is_file():
        return [root]
    found = [entry for entry in root.glob("case*") if re.fullmatch(r"case\d+", entry.name)]
    return sorted(found, key=lambda entry: int(entry.name[len("case"):]))


def sweep_problems(root):
    """What is wrong at the top of a dump that has one folder per case."""
    folders = case_folders(root)
    if not folders:
        return [f"{root}: neither case.json nor case0, case1, ..."]
    if folders == [Path(root)]:
        return []
    expected = [f"case{index}" for index in range(len(folders))]
    return differences(Path(root), "", expected)


def differences(folder, label, expected):
    """Names that are missing from a folder, and names that do not belong there."""
    found = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    missing = [f"{label}{name}: missing" for name in sorted(set(expected) - found)]
    return missing + [f"{label}{name}: unexpected" for name in sorted(found - set(expected))]


def load_shard(path, shape, number_format):
    """One rank's part of a tensor. Raises ValueError."""
    try:
        shard = np.load(path, allow_pickle=False)
    except (OSError, EOFError) as error:
        raise ValueError(f"unreadable ({error})") from error
    if shard.dtype != number_format.dtype:
        raise ValueError(f"holds {shard.dtype}, not {number_format.dtype}")
    if shard.shape != shape:
        raise ValueError(f"shape {list(shard.shape)}, not {list(shape)}")
    if not number_format.holds(shard):
        raise ValueError(f"holds values that are not {number_format.name}")
    return shard


def assemble(dump, folder, name, entry):
    """Adds one whole tensor to the dump, or to its problems the reason why this is not possible."""
    shards = []
    for rank in range(dump.case.tensor):
        path = folder / f"rank{rank}" / f"{name}.npy"
        if not path.is_file():
            return  # named as missing already
        try:
            shards.append(load_shard(path, entry.shard_shape(rank), entry.format))
        except ValueError as error:
            dump.problems.append(f"rank{rank}/{name}.npy: {error}")
            return
    dump.tensors[name], contradictions = entry.sharding.assemble(entry.shape, shards)
    for rank, other in contradictions:
        dump.problems.append(f"rank{rank}/{name}.npy: differs from that of rank {other}")


def read_case(folder):
    """The dump of the one case in `folder`."""
    folder, dump = Path(folder), Dump()
    try:
        dump.case = parse_case((folder / "case.json").read_text(encoding="utf-8"))
    except OSError as error:
        dump.problems.append(f"case.json: {error.strerror}")
        return dump
    except (ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        dump.problems.append(f"case.json: {type(error).__name__}: {error}")
        return dump

    tensors = layout(dump.case)
    ranks = [f"rank{rank}" for rank in range(dump.case.tensor)]
    dump.problems += differences(folder, "", ["case.json", *ranks])
    for rank in ranks:
        files = [f"{name}.npy" for name in tensors]
        dump.problems += differences(folder / rank, f"{rank}/", files)
    for name, entry in tensors.items():
        assemble(dump, folder, name, entry)
    return dump
