// SPDX-License-Identifier: BSD-3-Clause
#include "bench/case/capacity.hpp"

#include <string>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "bench/dry_run/dry_run.hpp"
#include "comm/wrappers/self.hpp"
#include "support/cases.hpp"
#include "support/words.hpp"
#include "theory/memory.hpp"

namespace tidemark::bench {
namespace {

/// A layer of 1 GiB of parameters and little else: 12 h^2 elements of 4 bytes.
config::Case wide_case() {
  config::Case c = support::small_case(1, false, DType::fp32);
  c.model.hidden_size = 4096;
  c.model.ffn_hidden_size = 4 * 4096;
  c.model.num_layers = 4;
  return c;
}

std::string refusal(const config::Case& c, const MemoryLeft& left) {
  comm::SelfCommunicator communicator;
  try {
    require_capacity(c, left, communicator);
  } catch (const RunError& error) {
    EXPECT_EQ(error.status(), ExitStatus::failed);
    return error.what();
  }
  return "";
}

TEST(Capacity, TheBoundaryIsExact) {
  const config::Case c = wide_case();
  const std::int64_t needed = required_bytes(c);
  EXPECT_EQ(refusal(c, {needed, 1}), "");
  EXPECT_NE(refusal(c, {needed - 1, 1}), "");
  EXPECT_EQ(refusal(c, {3 * needed, 3}), "");
  EXPECT_NE(refusal(c, {3 * needed - 1, 3}), "");
  EXPECT_EQ(refusal(c, {3 * needed, 3, needed}), "");
  EXPECT_NE(refusal(c, {3 * needed, 3, needed - 1}), "");
}

TEST(Capacity, TheLineHoldsTheNumbers) {
  config::Case c = wide_case();
  c.index = 4;
  const std::string line = refusal(c, {std::int64_t{5} << 30, 2});
  // 4 layers of 12 h^2 + 13 h elements are 3.0 GiB, twice; activations and libraries take 0.1 more.
  for (const char* part : {"case 5 does not fit into memory", "12.3 GiB on a node", "2 x 6.1",
                           "parameters 3.0", "gradients 3.0", "has 5.0 GiB available"}) {
    EXPECT_NE(line.find(part), std::string::npos) << part << " in " << line;
  }
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(Capacity, TheLineNamesTheLimitOfAProcess) {
  const std::string line = refusal(wide_case(), {std::nullopt, 2, std::int64_t{2} << 30});
  for (const char* part : {"case 1 does not fit into memory", "6.1 GiB a process", "gradients 3.0",
                           "the limit of its address space (ulimit -v) leaves 2.0 GiB"}) {
    EXPECT_NE(line.find(part), std::string::npos) << part << " in " << line;
  }
}

TEST(Capacity, UnknownMemoryRefusesNothing) {
  comm::SelfCommunicator communicator;
  config::Case c = wide_case();
  c.model.num_layers = 1000;
  EXPECT_NO_THROW(require_capacity(c, {}, communicator));
}

// The pool counts as what the allocator will hold, and not as the tide. Others cannot use the rest
// of its segments, either.
TEST(Capacity, CountsParametersGradientsThePoolAndAnAllowance) {
  for (const config::Case& c : support::variants(1, DType::bf16)) {
    const DryRun dry_run = run_dry(c);
    EXPECT_EQ(required_bytes(c), theory::parameter_bytes(c) + theory::gradient_bytes(c) +
                                     dry_run.table_bytes + dry_run.exchange_buffer_bytes +
                                     dry_run.pool_bytes + (std::int64_t{100} << 20));
    EXPECT_GT(dry_run.pool_bytes, static_cast<std::int64_t>(dry_run.tide.peak_bytes));
  }
}

TEST(Capacity, CountsTheScratchMemoryOfOwnCollectives) {
  config::Case c = support::small_case(4, true, DType::fp32);
  c.comm.algorithm = config::Algorithm::native;
  const std::int64_t without = required_bytes(c);
  for (const char* algorithm : {"pairwise", "ring", "auto"}) {
    support::set_word(c.comm.algorithm, algorithm);
    const std::int64_t scratch = run_dry(c).scratch_bytes;
    EXPECT_GT(scratch, 0);
    EXPECT_EQ(required_bytes(c), without + scratch);
  }
}

TEST(Capacity, NeedsLessWhereMoreIsRecomputed) {
  config::Case c = wide_case();
  c.model.seq_length = 512;
  const std::int64_t all = required_bytes(c);
  const std::int64_t selective = required_bytes(support::recomputing(c, "selective"));
  const std::int64_t full = required_bytes(support::recomputing(c, "full"));
  EXPECT_LT(selective, all);
  EXPECT_LT(full, selective);
  EXPECT_LT(required_bytes(support::blocked(c)), all);
}

}  // namespace
}  // namespace tidemark::bench
