// Shards of an activation on their way between the ranks, one by one.
#pragma once

#include <cstdint>
#include <vector>

#include "base/device.hpp"
#include "parallel/context.hpp"

namespace tidemark::parallel {

/// Rows of the shard of `rank` in a whole activation.
template <class T>
Matrix<T> rows_of_shard(const Context& context, const Matrix<T>& whole, std::int64_t rank) {
  const std::int64_t height = num_rows(whole) / context.ranks();
  return rows(whole, rank * height, height);
}

/// An all-gather taken apart: every rank sends its own shard to each of the others, which take the
/// shards in as they need them, the next rank's last. Step 1 comes from the rank before.
template <class T>
class ArrivingShards {
 public:
  /// Posts everything. `shard` [s b / t, C] and `whole` [s b, C] must stay until all has arrived;
  /// this rank's own rows of `whole` are not touched.
  ArrivingShards(const Context& context, const Matrix<T>& shard, const Matrix<T>& whole);

  /// Waits for step 1 to ranks - 1; returns the rank whose rows of `whole` are there now.
  std::int64_t await(std::int64_t step);

 private:
  const Context& context_;
  std::vector<comm::Request> requests_;
};

/// A reduce-scatter taken apart: every rank's part of the sum of a shard goes to the owner of the
/// shard as soon as it is formed.
template <class T>
class DepartingShards {
 public:
  /// `arrived` [(t - 1) s b / t, C]: where the others' parts of this rank's own shard go.
  DepartingShards(const Context& context, const Matrix<T>& arrived)
      : context_(context), arrived_(arrived) {}

  /// The rank whose shard is to be formed in step 1 to ranks - 1.
  [[nodiscard]] std::int64_t owner(std::int64_t step) const {
    return (context_.rank() + step) % context_.ranks();
  }
  /// Sends the part of that shard, which must stay until `finish`.
  void send(std::int64_t step, const Matrix<T>& part);
  /// Adds this rank's own part [s b / t, C] and all others' into `shard`, in the order of the
  /// ranks.
  void finish(const Matrix<T>& own, const Matrix<T>& shard);

 private:
  const Context& context_;
  Matrix<T> arrived_;
  std::vector<comm::Request> requests_;
};

}  // namespace tidemark::parallel
