// SPDX-License-Identifier: BSD-3-Clause
#include "memory/process.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include <gtest/gtest.h>

namespace tidemark::memory {
namespace {

constexpr std::size_t block_bytes = std::size_t{96} << 20;
constexpr std::int64_t slack = std::int64_t{16} << 20;

/// Makes `block_bytes` more resident, and gives them back. They are mapped directly, so that
/// neither an allocator nor a sanitizer's quarantine keeps them.
void touch_and_release() {
  void* block =
      mmap(nullptr, block_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(block, MAP_FAILED);
  std::memset(block, 1, block_bytes);
  ASSERT_EQ(munmap(block, block_bytes), 0);
}

TEST(ProcessMemory, PeakSeesWhatWasTouchedAndOutlivesIt) {
  reset_process_peak();
  const auto before = process_peak_bytes();
  if (!before) GTEST_SKIP() << "this system does not tell";
  touch_and_release();
  const auto after = process_peak_bytes();
  ASSERT_TRUE(after.has_value());
  EXPECT_GE(*after, static_cast<std::int64_t>(block_bytes));
  EXPECT_GE(*after, *before);
}

TEST(ProcessMemory, ResetStartsAtThePresentSize) {
  if (!reset_process_peak()) GTEST_SKIP() << "this system does not allow it";
  const std::int64_t before = process_peak_bytes().value();
  touch_and_release();
  const std::int64_t high = process_peak_bytes().value();
  EXPECT_GE(high, before + static_cast<std::int64_t>(block_bytes) - slack);
  ASSERT_TRUE(reset_process_peak());
  EXPECT_LE(process_peak_bytes().value(), high - static_cast<std::int64_t>(block_bytes) + slack);
}

TEST(ProcessMemory, AvailableIsPositiveAndNotMoreThanThereIs) {
  const auto available = available_node_bytes();
  if (!available) GTEST_SKIP() << "this system does not tell";
  EXPECT_GT(*available, 0);
  EXPECT_LE(*available, std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE));
}

}  // namespace
}  // namespace tidemark::memory
