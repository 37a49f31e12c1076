# SPDX-License-Identifier: BSD-3-Clause
"""Lets tests import the package `tidemark_tools` of scripts/, and load its commands as modules.

A test imports this module first.
"""
import importlib.machinery
import pathlib
import sys
import types

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))


def command(name):
    """A command of scripts/ as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(SCRIPTS / name))
    module = types.ModuleType(loader.name)
    loader.exec_module(module)
    return module
