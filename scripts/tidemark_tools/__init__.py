# SPDX-License-Identifier: BSD-3-Clause
"""What the commands in scripts/ and scripts/dev/ share.

records/ is the one reader of records, and launch.py is the one way to start the executable.
plotting/, reporting/, scaling/ and benching/ serve the commands of those names.
"""
