# SPDX-License-Identifier: BSD-3-Clause
"""The page of scripts/report and the table of scripts/compare."""
