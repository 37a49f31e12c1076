# SPDX-License-Identifier: BSD-3-Clause
"""Lets tests import the package `tidemark_tools` of scripts/, and load its commands as modules.
Says which tests need a Python that draws.

A test imports this module first.
"""
import importlib.machinery
import importlib.util
import pathlib
import sys
import types
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

HAS_MATPLOTLIB = importlib.util.find_spec("matplotlib") is not None
needs_matplotlib = unittest.skipUnless(HAS_MATPLOTLIB, "this Python has no Matplotlib")


def command(name):
    """A command of scripts/ as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(SCRIPTS / name))
    module = types.ModuleType(loader.name)
    loader.exec_module(module)
    return module
