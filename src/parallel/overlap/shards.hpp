// SPDX-License-Identifier: BSD-3-Clause
// Collectives on the shards of an activation, taken apart into single messages between ranks.
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

/// The place of a chunk of rows: the rank that owns its shard, and its index within the shard.
struct ChunkPlace {
  std::int64_t rank = 0;
  std::int64_t chunk = 0;
  std::int64_t chunks = 1;
};

/// The first row of a chunk in a whole activation. For index `chunks` it is the end of the shard.
inline std::int64_t first_row_at(const Context& context, const ChunkPlace& place) {
  const std::int64_t height = context.tokens / context.ranks();
  return place.rank * height + first_of_piece(height, place.chunks, place.chunk);
}

/// Number of rows of a chunk.
inline std::int64_t height_at(const Context& context, const ChunkPlace& place) {
  return first_row_at(context, {place.rank, place.chunk + 1, place.chunks}) -
         first_row_at(context, place);
}

/// The rows of a chunk in a whole matrix [s b, .].
template <class T>
Matrix<T> rows_at(const Context& context, const ChunkPlace& place, const Matrix<T>& whole) {
  return rows(whole, first_row_at(context, place), height_at(context, place));
}

/// An all-gather in separate messages. Every rank sends its own shard to each other rank by chunks
/// of rows. A rank receives the chunks in order. Of each chunk, the message of the previous rank (r
/// - 1) comes first, then that of r - 2, and so on.
template <class T>
class ArrivingShards {
 public:
  /// Sends `shard` [s b / t, C] and receives all other ranks' rows of `whole` [s b, C], in `chunks`
  /// chunks. Both must stay valid until the last arrival has been waited for.
  ArrivingShards(const Context& context, const Matrix<T>& shard, const Matrix<T>& whole,
                 std::int64_t chunks);

  /// Sends chunk 0, 1, ... of the shard to all other ranks, and posts the receives for their
  /// chunks.
  void send(std::int64_t chunk);
  /// Number of arrivals to wait for.
  [[nodiscard]] std::int64_t count() const { return (context_.ranks() - 1) * chunks_; }
  /// Waits for arrival 0, 1, ... and returns which rows of `whole` it has filled.
  ChunkPlace await(std::int64_t arrival);

 private:
  const Context& context_;
  Matrix<T> shard_;
  Matrix<T> whole_;
  std::int64_t chunks_;
  std::vector<comm::Request> requests_;
};

/// A reduce-scatter in separate messages. Every rank sends its part of each shard's sum to the
/// shard's owner when the part is formed, by chunks of rows.
template <class T>
class DepartingShards {
 public:
  /// `arrived` [(t - 1) s b / t, C] receives the other ranks' parts of this rank's own shard, in
  /// `chunks` chunks of rows.
  DepartingShards(const Context& context, const Matrix<T>& arrived, std::int64_t chunks);

  /// Number of chunks per shard.
  [[nodiscard]] std::int64_t chunks() const { return chunks_; }
  /// Number of chunks that this rank sends.
  [[nodiscard]] std::int64_t count() const { return (context_.ranks() - 1) * chunks_; }
  /// The rows that the caller must form for departure 0, 1, ...
  [[nodiscard]] ChunkPlace place(std::int64_t departure) const;
  /// Sends this part. It must stay valid until its chunk has been finished.
  void send(std::int64_t departure, const Matrix<T>& part);
  /// Waits for the messages of a chunk in both directions. Then it adds this rank's own part [R, C]
  /// and all other ranks' parts into `sum` [R, C], in rank order.
  void finish(std::int64_t chunk, const Matrix<T>& own, const Matrix<T>& sum);

 private:
  /// The memory for the other ranks' parts of a chunk: [(t - 1) R, C], one below the other.
  [[nodiscard]] Matrix<T> arrivals(std::int64_t chunk) const;

  const Context& context_;
  Matrix<T> arrived_;
  std::int64_t chunks_;
  std::vector<comm::Request> requests_;
};

}  // namespace tidemark::parallel
