# SPDX-License-Identifier: BSD-3-Clause
# Writes HEADER from TEMPLATE with the present git hash of SOURCE_FOLDER; run with cmake -P.
# A hash of `unknown` means: not a git checkout, or one without a commit.
set(GIT_HASH unknown)
find_program(GIT git)
if(GIT)
  execute_process(COMMAND "${GIT}" -C "${SOURCE_FOLDER}" rev-parse --show-toplevel
    OUTPUT_VARIABLE top OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  file(REAL_PATH "${SOURCE_FOLDER}" source)
  # An unpacked archive inside another project's checkout must not pass for that project's commit.
  if(top STREQUAL source)
    execute_process(
      COMMAND "${GIT}" -C "${SOURCE_FOLDER}" describe --always --dirty --abbrev=12 --exclude=*
      OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
    if(status EQUAL 0)
      set(GIT_HASH "${described}")
    endif()
  endif()
endif()
# Leaves the file, and its date, alone where the content is the same.
configure_file("${TEMPLATE}" "${HEADER}" @ONLY)
