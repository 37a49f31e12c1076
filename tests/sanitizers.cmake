# SPDX-License-Identifier: BSD-3-Clause
# Settings of the sanitizers' runtimes. Leaks and races inside MPI and OpenMP, which were built
# without them, are not errors of Tidemark. The suppression files name those libraries and nothing
# else. Stacks are full (fast_unwind_on_malloc=0), because MPI's plug-ins are gone by the time of
# the report. Then only their callers still have names. A request that no machine can meet is
# refused as without a sanitizer (allocator_may_return_null), because a test makes one.
list(APPEND test_environment
  "ASAN_OPTIONS=detect_stack_use_after_return=1:fast_unwind_on_malloc=0:allocator_may_return_null=1"
  "LSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/lsan.supp:print_suppressions=0"
  "UBSAN_OPTIONS=print_stacktrace=1"
  "TSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/tsan.supp")
