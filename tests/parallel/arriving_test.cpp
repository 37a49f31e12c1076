// SPDX-License-Identifier: BSD-3-Clause
// Rows that are made when they are asked for.
#include "parallel/overlap/arriving.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "memory/pool.hpp"

namespace tidemark::parallel {
namespace {

constexpr std::int64_t height = 7;

class ArrivingRows : public ::testing::Test {
 protected:
  memory::Tensor<double> tensor(const char* name) {
    return ledger_.tensor<double>(name, 0, memory::TensorClass::transient, height, 1);
  }
  /// Chunk c gets the value c, and the log gets its number.
  Arriving<double> coming(std::int64_t chunks) {
    memory::Tensor<double> rows = tensor("source");
    const Matrix<double> view = rows.view();
    Kokkos::deep_copy(view, -1.0);
    return {std::move(rows), chunks, [this, view, chunks](std::int64_t chunk) {
              log_ += std::to_string(chunk);
              Kokkos::deep_copy(chunk_of(view, chunks, chunk), static_cast<double>(chunk));
            }};
  }
  static auto twice(const Matrix<double>& to) {
    return [to](const Matrix<double>& from, std::int64_t chunks, std::int64_t chunk) {
      const Matrix<double> in = chunk_of(from, chunks, chunk);
      const Matrix<double> out = chunk_of(to, chunks, chunk);
      for (std::size_t i = 0; i < in.extent(0); ++i) out(i, 0) = 2.0 * in(i, 0);
    };
  }
  static std::vector<double> values(const Matrix<double>& matrix) {
    return {matrix.data(), matrix.data() + matrix.extent(0)};
  }

  memory::Pool pool_;
  memory::Ledger ledger_{pool_};
  std::string log_;
};

TEST_F(ArrivingRows, ComeInOrderOnceAndNoSoonerThanTheyAreAskedFor) {
  Arriving<double> rows = coming(3);
  EXPECT_EQ(rows.chunks(), 3);
  EXPECT_EQ(log_, "");
  rows.await(1);
  EXPECT_EQ(log_, "01");
  EXPECT_FALSE(rows.is_there());
  rows.await(0);
  rows.await(1);
  EXPECT_EQ(log_, "01");
  EXPECT_EQ(values(rows.view()), (std::vector<double>{0, 0, 1, 1, -1, -1, -1}));
  const memory::Tensor<double> taken = rows.take();
  EXPECT_EQ(log_, "012");
  EXPECT_EQ(values(taken.view()), (std::vector<double>{0, 0, 1, 1, 2, 2, 2}));
}

TEST_F(ArrivingRows, AreThereAtOnceWhereNothingIsToCome) {
  memory::Tensor<double> whole = tensor("whole");
  const double* const data = whole.data();
  Arriving<double> rows = std::move(whole);
  EXPECT_TRUE(rows.is_there());
  EXPECT_EQ(rows.chunks(), 1);
  rows.await(0);
  EXPECT_EQ(rows.take().data(), data);
}

TEST_F(ArrivingRows, FollowTheirSourceChunkByChunkAndOutliveIt) {
  ledger_.begin_step();
  memory::Tensor<double> result = tensor("result");
  const Matrix<double> out = result.view();
  Kokkos::deep_copy(out, -5.0);
  Arriving<double> rows = following(std::move(result), coming(2), twice(out));
  EXPECT_EQ(log_, "");
  rows.await(0);
  EXPECT_EQ(log_, "0");
  EXPECT_EQ(values(out), (std::vector<double>{0, 0, 0, -5, -5, -5, -5}));
  EXPECT_EQ(ledger_.tide().live_bytes, 2 * height * sizeof(double));
  rows.await_all();
  EXPECT_EQ(values(out), (std::vector<double>{0, 0, 0, 2, 2, 2, 2}));
  EXPECT_EQ(ledger_.tide().live_bytes, height * sizeof(double));  // the source has died
  rows.reset();
  ledger_.end_step();
}

TEST_F(ArrivingRows, FollowAtOnceASourceThatIsThereAndStays) {
  Arriving<double> source = coming(1).take();
  memory::Tensor<double> result = tensor("result");
  const Matrix<double> out = result.view();
  Kokkos::deep_copy(source.view(), 4.0);
  const Arriving<double> rows = following(std::move(result), source, twice(out));
  EXPECT_TRUE(rows.is_there());
  EXPECT_EQ(values(out), std::vector<double>(height, 8.0));
  EXPECT_EQ(values(source.view()), std::vector<double>(height, 4.0));
}

}  // namespace
}  // namespace tidemark::parallel
