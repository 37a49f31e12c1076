// SPDX-License-Identifier: BSD-3-Clause
// What the tests of sharded linear layers share: the unsharded layer as plain loops.
#pragma once

#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>

#include "comm/mpi/mpi_communicator.hpp"
#include "comm/wrappers/self.hpp"
#include "parallel/column_parallel.hpp"
#include "parallel/row_parallel.hpp"
#include "support/tables.hpp"

namespace tidemark::parallel {

inline constexpr std::int64_t tokens = 12;
inline constexpr std::int64_t in = 20;
inline constexpr std::int64_t out = 28;
inline constexpr LinearNames names{"x",  "x gathered", "y",          "y shard",
                                   "dx", "dx shard",   "dy gathered"};

inline LinearSpec spec() { return {"test", 3, in, out, 5, 6, true}; }

/// Inputs and results of the whole layer Y = X W^T, in doubles.
struct Whole {
  support::Table<double> x, dy, weight, bias;

  [[nodiscard]] support::Table<double> y(bool with_bias) const {
    support::Table<double> result(tokens, out);
    for (std::int64_t i = 0; i < tokens; ++i) {
      for (std::int64_t o = 0; o < out; ++o) {
        result(i, o) = with_bias ? bias(0, o) : 0.0;
        for (std::int64_t j = 0; j < in; ++j) result(i, o) += x(i, j) * weight(o, j);
      }
    }
    return result;
  }
  [[nodiscard]] support::Table<double> dx() const {
    support::Table<double> result(tokens, in);
    for (std::int64_t i = 0; i < tokens; ++i) {
      for (std::int64_t j = 0; j < in; ++j) {
        for (std::int64_t o = 0; o < out; ++o) result(i, j) += dy(i, o) * weight(o, j);
      }
    }
    return result;
  }
  [[nodiscard]] support::Table<double> weight_gradient() const {
    support::Table<double> result(out, in);
    for (std::int64_t o = 0; o < out; ++o) {
      for (std::int64_t j = 0; j < in; ++j) {
        for (std::int64_t i = 0; i < tokens; ++i) result(o, j) += dy(i, o) * x(i, j);
      }
    }
    return result;
  }
  [[nodiscard]] support::Table<double> bias_gradient() const {
    support::Table<double> result(1, out);
    for (std::int64_t o = 0; o < out; ++o) {
      for (std::int64_t i = 0; i < tokens; ++i) result(0, o) += dy(i, o);
    }
    return result;
  }
};

/// A device matrix on the host, with bf16 widened.
template <class T>
support::Table<Accumulate<T>> read(const Matrix<T>& matrix) {
  const auto host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), matrix);
  support::Table<Accumulate<T>> table(num_rows(matrix), num_columns(matrix));
  for (std::int64_t i = 0; i < table.rows; ++i) {
    for (std::int64_t j = 0; j < table.columns; ++j) table(i, j) = host(i, j);
  }
  return table;
}

template <class T>
class Linear : public ::testing::Test {
 protected:
  using Column = ColumnParallelLinear<T>;
  using Row = RowParallelLinear<T>;
  using Bias = typename Column::Bias;

  Context context(bool sequence, bool keep = false,
                  memory::TensorClass kept = memory::TensorClass::saved) {
    return {device_, ledger_, comm_, tokens, sequence, keep, kept, {}};
  }
  /// Weights as on a layer of one rank. Every value is a number of T, so that only the results of
  /// the layer are rounded.
  Whole whole() {
    comm::SelfCommunicator alone;
    const Context context{device_, ledger_, alone, tokens};
    ParameterStore<T> store;
    Column layer(store, context, spec(), names, Bias::in_product);
    store.allocate(device_);
    store.initialise(device_, 42);
    return {of_type(support::random_table<double>(tokens, in, 1)),
            of_type(support::random_table<double>(tokens, out, 2)),
            in_double(read(layer.weight().value)), in_double(read(layer.bias().value))};
  }
  static support::Table<double> of_type(support::Table<double> table) {
    for (double& value : table.values) value = static_cast<double>(static_cast<T>(value));
    return table;
  }
  template <class U = T>
  memory::Tensor<U> tensor(const support::Table<double>& values) {
    auto result =
        ledger_.tensor<U>("given", 0, memory::TensorClass::transient, values.rows, values.columns);
    const auto host = Kokkos::create_mirror_view(result.view());
    for (std::int64_t i = 0; i < values.rows; ++i) {
      for (std::int64_t j = 0; j < values.columns; ++j) host(i, j) = static_cast<U>(values(i, j));
    }
    Kokkos::deep_copy(result.view(), host);
    return result;
  }
  support::Table<double> own_rows(const support::Table<double>& table, bool sequence) {
    const std::int64_t count = sequence ? table.rows / comm_.size() : table.rows;
    return rows_of(table, sequence ? comm_.rank() * count : 0, count);
  }
  support::Table<double> own_part_of_rows(const support::Table<double>& table) {
    return own_rows(table, true);
  }
  support::Table<double> own_columns(const support::Table<double>& table) {
    const std::int64_t count = table.columns / comm_.size();
    return columns_of(table, comm_.rank() * count, count);
  }

  Device device_;
  memory::Pool pool_;
  memory::Ledger ledger_{pool_};
  comm::MpiCommunicator comm_{MPI_COMM_WORLD, std::chrono::seconds(60)};
  /// The bound for values in the type of the sums: gradients of parameters.
  static constexpr double sum_bound = sizeof(T) == 8 ? 1e-13 : 1e-5;
  /// The bound for values in T. In bf16 every rank rounds its part of a sum, and then the sum is
  /// rounded.
  static constexpr double bound = sizeof(T) == 2 ? 1e-2 : sum_bound;
};

}  // namespace tidemark::parallel
