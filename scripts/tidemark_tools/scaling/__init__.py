# SPDX-License-Identifier: BSD-3-Clause
"""Points, runs and summary of scripts/scaling-study."""
