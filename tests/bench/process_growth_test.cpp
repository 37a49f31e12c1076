// SPDX-License-Identifier: BSD-3-Clause
// What the operating system reports, compared with the accounts.
#include "bench/case/process_growth.hpp"

#include <sys/mman.h>

#include <cstring>

#include <gtest/gtest.h>

#include "base/device.hpp"

namespace tidemark::bench {
namespace {

constexpr std::int64_t mib = 1 << 20;
constexpr std::int64_t slack = 16 * mib;

/// Resident memory from the system itself, so that no allocator keeps it.
class Mapped {
 public:
  explicit Mapped(std::int64_t bytes) : bytes_(static_cast<std::size_t>(bytes)) {
    block_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(block_, MAP_FAILED);
    std::memset(block_, 1, bytes_);
  }
  ~Mapped() { munmap(block_, bytes_); }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;

 private:
  void* block_;
  std::size_t bytes_;
};

TEST(ProcessGrowth, IsWhatTheStepsHoldAboveWhatWasThere) {
  if (!runs_on_host) GTEST_SKIP() << "the device's memory is not the process's";
  const Mapped earlier(64 * mib);
  ProcessGrowth growth;
  EXPECT_FALSE(growth.bytes().has_value());
  const Mapped held(96 * mib);
  { const Mapped copies(512 * mib); }
  growth.begin();
  { const Mapped in_a_step(128 * mib); }
  growth.end();
  { const Mapped later(512 * mib); }
  if (!growth.bytes()) GTEST_SKIP() << "this system does not start the mark anew";
  EXPECT_NEAR(static_cast<double>(*growth.bytes()), static_cast<double>((96 + 128) * mib),
              static_cast<double>(slack));
  EXPECT_GT(growth.peak().value(), *growth.bytes() + 64 * mib - slack);
}

TEST(ProcessGrowth, MayDifferFromTheAccountsByFivePercentAndWhatLibrariesKeep) {
  const auto passes = [](std::int64_t growth, std::int64_t accounts) {
    return check_process_growth(growth, accounts).passed();
  };
  EXPECT_TRUE(passes(150 * mib, 0));
  EXPECT_FALSE(passes(150 * mib + 1, 0));
  EXPECT_TRUE(passes(10'650 * mib, 10'000 * mib));
  EXPECT_FALSE(passes(10'651 * mib, 10'000 * mib)) << "somebody keeps more than is known";
  EXPECT_TRUE(passes(9'350 * mib, 10'000 * mib));
  EXPECT_FALSE(passes(9'349 * mib, 10'000 * mib)) << "the accounts tell of what is not there";
  const Check check = check_process_growth(700 * mib, 200 * mib);
  EXPECT_EQ(check.name, "process_growth_against_accounts");
  EXPECT_EQ(check.value, 500.0 * mib);
  EXPECT_EQ(check.bound, 160.0 * mib);
  EXPECT_EQ(check.where, "the process grew by 700 MiB, of which the accounts know 200");
}

}  // namespace
}  // namespace tidemark::bench
