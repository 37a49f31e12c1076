// SPDX-License-Identifier: BSD-3-Clause
#include "base/device.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "support/tables.hpp"

namespace tidemark {
namespace {

using support::DeviceTable;
using support::random_table;

template <class T>
T* at(const Matrix<T>& matrix, std::int64_t row, std::int64_t column) {
  return matrix.data() + row * static_cast<std::int64_t>(matrix.stride(0)) + column;
}

TEST(DeviceViews, PartsOfAMatrixAliasItAndKeepItsStride) {
  const DeviceTable<float> table(random_table<float>(6, 10, 1), 3);
  const Matrix<float> whole = table.view();
  ASSERT_EQ(num_rows(whole), 6);
  ASSERT_EQ(num_columns(whole), 10);
  ASSERT_EQ(whole.stride(0), 13U);

  const Matrix<float> right = columns(whole, 4, 5);
  EXPECT_EQ(num_rows(right), 6);
  EXPECT_EQ(num_columns(right), 5);
  EXPECT_EQ(right.stride(0), 13U);
  EXPECT_EQ(right.data(), at(whole, 0, 4));
  EXPECT_EQ(row_pointer(right, 2), at(whole, 2, 4));

  const Matrix<float> lower = rows(right, 3, 2);
  EXPECT_EQ(num_rows(lower), 2);
  EXPECT_EQ(num_columns(lower), 5);
  EXPECT_EQ(lower.data(), at(whole, 3, 4));
  EXPECT_EQ(row_pointer(lower, 1), at(whole, 4, 4));
}

TEST(DeviceViews, OneRowKeepsTheStrideForItsPointer) {
  const DeviceTable<double> table(random_table<double>(1, 7, 2), 2);
  EXPECT_EQ(row_pointer(table.view(), 0), table.view().data());
  EXPECT_EQ(num_columns(columns(table.view(), 6, 1)), 1);
}

TEST(DeviceViews, AVectorOfAContiguousMatrixIsAllOfIt) {
  const DeviceTable<double> table(random_table<double>(3, 5, 3));
  EXPECT_EQ(as_vector(table.view()).data(), table.view().data());
  EXPECT_EQ(as_vector(table.view()).extent(0), 15U);
}

/// How often `for_each_row` runs its body for each of `rows` rows, and for one more.
std::vector<int> visits(const Device& device, std::int64_t rows) {
  const Kokkos::View<int*, MemorySpace> calls("calls", static_cast<std::size_t>(rows + 1));
  for_each_row(
      device, "visits", rows, KOKKOS_LAMBDA(const TeamMember& team) {
        Kokkos::single(Kokkos::PerTeam(team),
                       [&]() { Kokkos::atomic_add(&calls(team.league_rank()), 1); });
      });
  Kokkos::fence();
  const auto on_host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), calls);
  return {on_host.data(), on_host.data() + rows + 1};
}

TEST(ForEachRow, VisitsEveryRowOnce) {
  for (const std::int64_t rows : {0, 1, 5, 1000}) {
    std::vector<int> expected(static_cast<std::size_t>(rows), 1);
    expected.push_back(0);
    EXPECT_EQ(visits(Device(), rows), expected);
  }
}

TEST(ForEachRow, RefusesMoreRowsThanALaunchTakes) {
  Device device;
  EXPECT_EQ(checked_teams("label", 2147483647), 2147483647);
  try {
    for_each_row(device, "tidemark::softmax", std::int64_t{1} << 31,
                 KOKKOS_LAMBDA(const TeamMember&){});
    ADD_FAILURE() << "launched";
  } catch (const RunError& error) {
    EXPECT_STREQ(error.what(),
                 "tidemark::softmax: 2147483648 rows, or strips of columns, are more than a launch "
                 "takes (2147483647)");
  }
}

TEST(DryRunDevice, LaunchesNothing) {
  const Device device = Device::dry_run();
  EXPECT_FALSE(device.launches());
  EXPECT_EQ(device.gemm_flops, 0U);
  EXPECT_EQ(visits(device, 7), std::vector<int>(8, 0));
  device.fence();
  EXPECT_TRUE(Device().launches());
}

}  // namespace
}  // namespace tidemark
