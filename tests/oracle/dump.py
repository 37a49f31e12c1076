"""Reads what `tidemark run --dump DIR` wrote and assembles the shards of each tensor.

A dump of one case is `DIR/case.json` beside `DIR/rank{r}/NAME.npy`; a sweep of several cases has
one such folder a case, `DIR/case{index}`. Nothing may be missing and nothing may be there that is
not expected; every fault found is put into words rather than raised, so that a table can show
all of them.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from formats import ELEMENT_FORMATS, FP64, GRADIENT_FORMATS, Format
from stack import Model, parameter_names

ACTIVATIONS = ("input", "output", "output_grad", "input_grad")
ACTIVATIONS_WITH_ENDS = ("embedding", "output", "output_grad", "embedding_grad")
# The axis along which tensor parallelism shards a parameter; the others are whole on each rank.
PARAMETER_AXES = {
    "embedding.weight": 0,
    "qkv.weight": 0,
    "qkv.bias": 0,
    "proj.weight": 1,
    "fc1.weight": 0,
    "fc1.bias": 0,
    "fc2.weight": 1,
}


@dataclass(frozen=True)
class Case:
    """What the oracle needs to know of a case."""

    model: Model
    precision: str
    tensor: int
    sequence: bool
    keep_gathered: bool
    seed: int
    # Neither changes the mathematics; they tell the cases of a sweep apart.
    recompute: str = "none"
    attention: str = "materialized"

    def describe(self):
        m = self.model
        return (
            f"{self.precision}, t {self.tensor}, SP {'on' if self.sequence else 'off'}"
            f"{', gathered inputs kept' if self.keep_gathered else ''}, recompute "
            f"{self.recompute}, attention {self.attention}, L {m.num_layers}, "
            f"s {m.seq_length}, b {m.micro_batch_size}, h {m.hidden_size}, "
            f"a {m.num_attention_heads}, ffn {m.ffn_hidden_size}, "
            f"V {m.vocab_size if m.has_ends else 'none'}, dropout {m.hidden_dropout:g} "
            f"and {m.attention_dropout:g}{'' if m.causal else ', not causal'}, seed {self.seed}"
        )


@dataclass(frozen=True)
class Entry:
    """One tensor of a dump, whose values are numbers of `format`."""

    shape: tuple  # unsharded
    axis: int  # the sharded one; None: whole on each rank
    format: Format

    def shard_shape(self, ranks):
        """Shape of one rank's part."""
        return tuple(n // ranks if i == self.axis else n for i, n in enumerate(self.shape))


@dataclass
class Dump:
    """One case's dump: tensors assembled by name, in the precision of the run."""

    case: Case = None
    tensors: dict = field(default_factory=dict)
    problems: list = field(default_factory=list)

    @property
    def complete(self):
        """True where every expected tensor could be assembled."""
        return self.case is not None and set(self.tensors) == set(layout(self.case))


def parse_case(text):
    """Case from the text of case.json; raises ValueError, KeyError, TypeError or
    ZeroDivisionError."""
    settings = json.loads(text)
    model, parallel = settings["model"], settings["parallel"]
    if model.get("family", "gpt") != "gpt":
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
    return case


def parameter_axis(name):
    """Sharded axis of a parameter by its full name."""
    layer_parameter = name.startswith("layers.")
    return PARAMETER_AXES.get(name.split(".", 2)[2] if layer_parameter else name)


def layout(case):
    """Every tensor of a dump: name -> Entry."""
    model, element = case.model, ELEMENT_FORMATS[case.precision]
    activations = ACTIVATIONS_WITH_ENDS if model.has_ends else ACTIVATIONS
    axis = 0 if case.sequence else None
    tensors = {name: Entry(model.activation_shape, axis, element) for name in activations}
    if model.has_ends:
        tensors["loss"] = Entry((1,), None, FP64)
    for name, shape in parameter_names(model, case.tensor).items():
        axis = parameter_axis(name)
        tensors[name] = Entry(shape, axis, element)
        tensors[f"{name}.grad"] = Entry(shape, axis, GRADIENT_FORMATS[case.precision])
    return tensors


def case_folders(root):
    """The folders of a dump that hold one case each, in order; empty where there is no dump."""
    root = Path(root)
    if (root / "case.json").is_file():
        return [root]
    found = [entry for entry in root.glob("case*") if re.fullmatch(r"case\d+", entry.name)]
    return sorted(found, key=lambda entry: int(entry.name[len("case"):]))


def sweep_problems(root):
    """What is wrong at the top of a dump that has a folder a case."""
    folders = case_folders(root)
    if not folders:
        return [f"{root}: neither case.json nor case0, case1, ..."]
    if folders == [Path(root)]:
        return []
    expected = [f"case{index}" for index in range(len(folders))]
    return differences(Path(root), "", expected)


def differences(folder, label, expected):
    """Names missing from a folder and names that do not belong there."""
    found = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    missing = [f"{label}{name}: missing" for name in sorted(set(expected) - found)]
    return missing + [f"{label}{name}: unexpected" for name in sorted(found - set(expected))]


def load_shard(path, shape, number_format):
    """One rank's part of a tensor, or ValueError."""
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
    """Puts the whole of one tensor into the dump, or the reason why not into its problems."""
    ranks, shards = dump.case.tensor, []
    for rank in range(ranks):
        path = folder / f"rank{rank}" / f"{name}.npy"
        if not path.is_file():
            return  # named as missing already
        try:
            shards.append(load_shard(path, entry.shard_shape(ranks), entry.format))
        except ValueError as error:
            dump.problems.append(f"rank{rank}/{name}.npy: {error}")
            return
    if entry.axis is not None:
        dump.tensors[name] = np.concatenate(shards, axis=entry.axis)
        return
    dump.tensors[name] = shards[0]
    for rank, shard in enumerate(shards):
        if not np.array_equal(shard, shards[0]):
            dump.problems.append(f"rank{rank}/{name}.npy: differs from that of rank 0")


def read_case(folder):
    """Dump of the one case in `folder`."""
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
