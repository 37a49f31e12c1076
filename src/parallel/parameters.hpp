// SPDX-License-Identifier: BSD-3-Clause
// The parameters of one rank and their gradients. Modules declare them, and they are allocated
// once.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/device.hpp"
#include "kernels/fill.hpp"
#include "parallel/context.hpp"

namespace tidemark::parallel {

/// How the ranks share a parameter.
enum class Sharing {
  /// Each rank holds its own part. The part's gradient is complete, except in rows with replicas:
  /// there each holder has only its own summand.
  sharded,
  /// Every rank holds all of it. Under SP each rank has only the gradient of its own tokens.
  replicated,
};

/// The properties of a parameter that a module declares.
struct ParameterSpec {
  std::string name;  ///< name in dumps, such as "layers.0.qkv.weight"
  /// Random stream of its values. docs/definitions/random-numbers.md has the table.
  std::uint32_t stream = 0;
  Sharing sharing = Sharing::sharded;
  std::int64_t columns = 0;
  kernels::Placement placement;  ///< of the local rows in the unsharded tensor
  double centre = 0.0;           ///< values are uniform on centre +- width / 2
  double width = 0.0;
  bool is_vector = false;  ///< one dimension, stored as a matrix of one row

  /// Rows of the local part; 1 for a vector.
  [[nodiscard]] std::int64_t rows() const {
    std::int64_t sum = 0;
    for (const kernels::RowSegment& segment : placement) sum += segment.rows;
    return sum;
  }
  /// Calls `use(segment, first)` per segment; `first` is its first local row.
  template <class Use>
  void for_each_segment(const Use& use) const {
    std::int64_t first = 0;
    for (const kernels::RowSegment& segment : placement) {
      use(segment, first);
      first += segment.rows;
    }
  }
};

/// One rank's part of a parameter and of its gradient. The store owns the memory. Gradients have
/// the type of their sums: fp32 for bf16.
template <class T>
struct Parameter {
  ParameterSpec spec;
  Matrix<T> value;
  Matrix<Accumulate<T>> gradient;

  [[nodiscard]] Vector<T> vector() const { return as_vector(value); }
  [[nodiscard]] Vector<Accumulate<T>> vector_gradient() const { return as_vector(gradient); }
};

/// Owner of all parameters of a rank. Declare them, then allocate once, then use them.
template <class T>
class ParameterStore {
 public:
  /// Declares a parameter. The reference is valid as long as the store. Its views are empty until
  /// `allocate`.
  Parameter<T>& declare(ParameterSpec spec);

  /// Allocates values and gradients. Replicated parameters are first and contiguous, so that one
  /// all-reduce completes all their gradients. In a dry run the addresses must not be accessed.
  /// Throws RunError if memory runs out.
  void allocate(const Device& device);

  /// Fills the values from their random streams.
  void initialise(Device& device, std::uint32_t seed);

  /// Sums the gradients of replicated parameters over the ranks, as SP needs it. Does nothing with
  /// one rank.
  void reduce_replicated_gradients(const Context& context);

  /// Sums the gradients of rows that several ranks hold over these ranks. The holders exchange
  /// their parts and add them in rank order, so all of them get the same bits.
  void reduce_gradients_of_shared_rows(const Context& context);

  [[nodiscard]] const std::deque<Parameter<T>>& parameters() const { return parameters_; }
  /// All gradients of this rank in one vector, replicated ones first.
  [[nodiscard]] Vector<Accumulate<T>> gradients() const {
    return Vector<Accumulate<T>>(gradient_data_, elements_);
  }
  /// Only the gradients of replicated parameters.
  [[nodiscard]] Vector<Accumulate<T>> replicated_gradients() const {
    return Vector<Accumulate<T>>(gradient_data_, replicated_elements_);
  }
  [[nodiscard]] std::size_t value_bytes() const { return elements_ * sizeof(T); }
  [[nodiscard]] std::size_t gradient_bytes() const { return elements_ * sizeof(Accumulate<T>); }
  /// Bytes of the receive buffer of `reduce_gradients_of_shared_rows`.
  [[nodiscard]] std::size_t exchange_buffer_bytes() const {
    return exchange_elements_ * sizeof(Accumulate<T>);
  }

 private:
  void allocate_memory();
  void sum_over_holders(const Context& context, const Matrix<Accumulate<T>>& gradient,
                        std::int64_t holders);
  std::size_t place(Sharing sharing, std::size_t offset);

  std::deque<Parameter<T>> parameters_;
  std::size_t elements_ = 0;
  std::size_t replicated_elements_ = 0;
  std::size_t exchange_elements_ = 0;
  Kokkos::View<T*, MemorySpace> values_;
  Kokkos::View<Accumulate<T>*, MemorySpace> gradients_;
  Kokkos::View<Accumulate<T>*, MemorySpace> exchange_buffer_;
  T* value_data_ = nullptr;
  Accumulate<T>* gradient_data_ = nullptr;
  Accumulate<T>* exchange_data_ = nullptr;
};

}  // namespace tidemark::parallel
