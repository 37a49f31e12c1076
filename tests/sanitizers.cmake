# SPDX-License-Identifier: BSD-3-Clause
# What the sanitizers' runtimes are told. Leaks and races inside MPI and OpenMP, which were built
# without them, are not ours to mend: the suppression files name those libraries and nothing else.
# Full stacks (fast_unwind_on_malloc=0), since MPI's plug-ins are gone by the time of the report and
# only their callers can still be told by name. A request that no machine can meet is refused as
# without a sanitizer (allocator_may_return_null), for a test makes one.
list(APPEND test_environment
  "ASAN_OPTIONS=detect_stack_use_after_return=1:fast_unwind_on_malloc=0:allocator_may_return_null=1"
  "LSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/lsan.supp:print_suppressions=0"
  "UBSAN_OPTIONS=print_stacktrace=1"
  "TSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/tsan.supp")
