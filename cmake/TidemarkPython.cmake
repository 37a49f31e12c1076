# SPDX-License-Identifier: BSD-3-Clause
# Sets TIDEMARK_PYTHON to a Python that imports NumPy. Debian's package serves /usr/bin/python3
# alone, and the python3 on PATH may be another one.
if(NOT TIDEMARK_PYTHON)
  foreach(candidate IN ITEMS "$ENV{TIDEMARK_PYTHON}" /usr/bin/python3 python3)
    if(NOT candidate)
      continue()
    endif()
    execute_process(COMMAND "${candidate}" -c "import sys, numpy; print(sys.executable)"
      RESULT_VARIABLE status OUTPUT_VARIABLE executable OUTPUT_STRIP_TRAILING_WHITESPACE
      ERROR_QUIET)
    if(status EQUAL 0)
      set(TIDEMARK_PYTHON "${executable}" CACHE FILEPATH "Python that imports NumPy, for the tests")
      break()
    endif()
  endforeach()
endif()
if(NOT TIDEMARK_PYTHON)
  message(FATAL_ERROR "no Python imports NumPy, which the tests need: install python3-numpy, set "
    "TIDEMARK_PYTHON, or configure with -DBUILD_TESTING=OFF")
endif()
