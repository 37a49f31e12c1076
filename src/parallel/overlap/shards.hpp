// Shards of an activation on their way between the ranks, one by one.
#pragma once

#include <cstdint>
#include <vector>

#include "base/device.hpp"
#include "parallel/context.hpp"
#include "parallel/overlap/arriving.hpp"

namespace tidemark::parallel {

/// Rows of the shard of `rank` in a whole activation.
template <class T>
Matrix<T> rows_of_shard(const Context& context, const Matrix<T>& whole, std::int64_t rank) {
  const std::int64_t height = num_rows(whole) / context.ranks();
  return rows(whole, rank * height, height);
}

/// Where a chunk of rows lies: the owner of its shard, and which of the shard's chunks it is.
struct ChunkPlace {
  std::int64_t rank = 0;
  std::int64_t chunk = 0;
  std::int64_t chunks = 1;
};

/// The first row of a chunk in a whole activation; of chunk `chunks`, the end of the shard.
inline std::int64_t first_row_at(const Context& context, const ChunkPlace& place) {
  const std::int64_t height = context.tokens / context.ranks();
  return place.rank * height + first_of_piece(height, place.chunks, place.chunk);
}

/// The rows of a chunk.
inline std::int64_t height_at(const Context& context, const ChunkPlace& place) {
  return first_row_at(context, {place.rank, place.chunk + 1, place.chunks}) -
         first_row_at(context, place);
}

/// The rows of a whole matrix [s b, .] that a chunk stands for.
template <class T>
Matrix<T> rows_at(const Context& context, const ChunkPlace& place, const Matrix<T>& whole) {
  return rows(whole, first_row_at(context, place), height_at(context, place));
}

/// An all-gather taken apart: every rank sends its own shard to each of the others by chunks of
/// rows, which they take in one after another: of each chunk, that of the rank before first.
template <class T>
class ArrivingShards {
 public:
  /// `shard` [s b / t, C] goes out and all others' rows of `whole` [s b, C] come in, in `chunks`
  /// chunks. Both must stay until the last arrival has been waited for.
  ArrivingShards(const Context& context, const Matrix<T>& shard, const Matrix<T>& whole,
                 std::int64_t chunks);

  /// Sends chunk 0, 1, ... of the shard to all others, and gets ready for theirs.
  void send(std::int64_t chunk);
  /// Arrivals to wait for.
  [[nodiscard]] std::int64_t count() const { return (context_.ranks() - 1) * chunks_; }
  /// Waits for arrival 0, 1, ...; returns which rows of `whole` are there now.
  ChunkPlace await(std::int64_t arrival);

 private:
  const Context& context_;
  Matrix<T> shard_;
  Matrix<T> whole_;
  std::int64_t chunks_;
  std::vector<comm::Request> requests_;
};

/// A reduce-scatter taken apart: every rank's part of the sum of a shard goes to the owner of the
/// shard as soon as it is formed, by chunks of rows.
template <class T>
class DepartingShards {
 public:
  /// `arrived` [(t - 1) s b / t, C]: where the others' parts of this rank's own shard go, in
  /// `chunks` chunks of rows.
  DepartingShards(const Context& context, const Matrix<T>& arrived, std::int64_t chunks);

  /// Of a shard.
  [[nodiscard]] std::int64_t chunks() const { return chunks_; }
  /// Chunks that depart.
  [[nodiscard]] std::int64_t count() const { return (context_.ranks() - 1) * chunks_; }
  /// What is to be formed as departure 0, 1, ...
  [[nodiscard]] ChunkPlace place(std::int64_t departure) const;
  /// Sends that part, which must stay until its chunk has been finished.
  void send(std::int64_t departure, const Matrix<T>& part);
  /// Adds this rank's own part of a chunk [R, C] and all others' into `sum` [R, C], in the order of
  /// the ranks, after they have arrived and this rank's own parts of the others' have gone.
  void finish(std::int64_t chunk, const Matrix<T>& own, const Matrix<T>& sum);

 private:
  /// Where the others' parts of a chunk go: [(t - 1) R, C], one below the other.
  [[nodiscard]] Matrix<T> arrivals(std::int64_t chunk) const;

  const Context& context_;
  Matrix<T> arrived_;
  std::int64_t chunks_;
  std::vector<comm::Request> requests_;
};

}  // namespace tidemark::parallel
