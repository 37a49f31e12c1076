// SPDX-License-Identifier: BSD-3-Clause
#include "bench/host_sums.hpp"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "comm/algorithms/sums.hpp"
#include "support/tables.hpp"

namespace tidemark::bench {
namespace {

/// Sums of `terms` tables by `sum`, in place of the second table if asked for.
template <class T, class Sum>
std::vector<T> sums_of(std::int64_t terms, std::int64_t count, bool in_place, const Sum& sum) {
  std::vector<support::Table<T>> tables;
  for (std::int64_t k = 0; k < terms; ++k) {
    tables.push_back(support::random_table<T>(1, count, static_cast<std::uint32_t>(k)));
  }
  std::vector<const void*> pointers;
  for (const auto& table : tables) pointers.push_back(table.values.data());
  std::vector<T> out(static_cast<std::size_t>(count), T(99.0F));
  T* const result = in_place ? tables.back().values.data() : out.data();
  sum(dtype_of<T>, result, pointers, static_cast<std::size_t>(count));
  return {result, result + count};
}

template <class T>
class HostSums : public ::testing::Test {};
TYPED_TEST_SUITE(HostSums, support::Precisions);

// Counts of one part, of two equal parts, and of parts of which the last is shorter.
TYPED_TEST(HostSums, AreThoseOfOneThread) {
  for (const std::int64_t count : {1, 16384, 32768, 100003}) {
    for (const std::int64_t terms : {1, 2, 5}) {
      for (const bool in_place : {false, true}) {
        const auto expected = sums_of<TypeParam>(terms, count, in_place, comm::sum_on_host);
        const auto actual = sums_of<TypeParam>(terms, count, in_place, sum_by_threads);
        ASSERT_EQ(actual.size(), expected.size());
        for (std::size_t i = 0; i < expected.size(); ++i) {
          ASSERT_EQ(actual[i], expected[i]) << count << " " << terms << " " << in_place << " " << i;
        }
      }
    }
  }
}

}  // namespace
}  // namespace tidemark::bench
