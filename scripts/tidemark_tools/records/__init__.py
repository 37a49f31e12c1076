# SPDX-License-Identifier: BSD-3-Clause
"""The one reader of records: shapes, schema, versions, consistency."""
