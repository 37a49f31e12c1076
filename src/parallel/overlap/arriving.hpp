// Activations whose rows come to be while others already work on them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "base/device.hpp"
#include "base/pieces.hpp"
#include "memory/ledger.hpp"

namespace tidemark::parallel {

/// A piece of a matrix cut into chunks of rows as even as whole rows allow.
template <class T>
Matrix<T> chunk_of(const Matrix<T>& matrix, std::int64_t chunks, std::int64_t index) {
  const std::int64_t first = first_of_piece(num_rows(matrix), chunks, index);
  return rows(matrix, first, first_of_piece(num_rows(matrix), chunks, index + 1) - first);
}

/// Owner of an activation that comes to be by chunks of rows, in order, when they are asked for:
/// behind a chunk stand messages under way, and work row by row on what they bring. So one region
/// of a layer begins before the collective at the end of the one before is complete.
///
/// All ranks ask for the same chunks in the same order, since completing one may send messages.
template <class T>
class Arriving {
 public:
  /// Makes the rows of a chunk, and holds what it needs for that.
  using Complete = std::function<void(std::int64_t chunk)>;

  Arriving() = default;
  /// All of it is there.
  Arriving(memory::Tensor<T> tensor) : tensor_(std::move(tensor)) {}  // NOLINT: it is one already
  Arriving(memory::Tensor<T> tensor, std::int64_t chunks, Complete complete)
      : tensor_(std::move(tensor)), chunks_(chunks), complete_(std::move(complete)) {}

  /// 1 where all of it is there.
  [[nodiscard]] std::int64_t chunks() const { return complete_ ? chunks_ : 1; }
  [[nodiscard]] bool is_there() const { return !complete_; }
  /// The whole matrix, rows that are still to come included.
  [[nodiscard]] const Matrix<T>& view() const { return tensor_.view(); }

  /// Completes all chunks up to this one. What it took to make them dies with the last.
  void await(std::int64_t chunk) {
    while (complete_ && next_ <= chunk) {
      complete_(next_++);
      if (next_ == chunks_) complete_ = nullptr;
    }
  }
  /// Completes all of it.
  void await_all() { await(chunks_ - 1); }
  /// Completes all of it and hands it over.
  [[nodiscard]] memory::Tensor<T> take() {
    await_all();
    return std::move(tensor_);
  }
  void reset() { *this = Arriving(); }

 private:
  memory::Tensor<T> tensor_;
  std::int64_t chunks_ = 1;
  std::int64_t next_ = 0;  ///< the first chunk that is still to come
  Complete complete_;      ///< empty: there is nothing to come
};

/// `result`, whose rows follow row by row from those of `source`: at once where that is there, else
/// chunk by chunk as they are asked for. `work(rows, chunks, chunk)` makes the rows of one chunk of
/// `result` from those of `source`, which has to stay where it is until the last.
template <class U, class T, class Work>
Arriving<U> following(memory::Tensor<U> result, Arriving<T>& source, Work work) {
  if (source.is_there()) {
    work(source.view(), 1, 0);
    return Arriving<U>(std::move(result));  // nvcc would copy it
  }
  const std::int64_t chunks = source.chunks();
  return {std::move(result), chunks, [&source, work = std::move(work), chunks](std::int64_t chunk) {
            source.await(chunk);
            work(source.view(), chunks, chunk);
          }};
}

/// The same, and `source` dies with the last chunk.
template <class U, class T, class Work>
Arriving<U> following(memory::Tensor<U> result, Arriving<T>&& source, Work work) {
  // Shared, since a function object has to be copyable; there is one owner all the same.
  const auto owned = std::make_shared<Arriving<T>>(std::move(source));
  return following(
      std::move(result), *owned,
      [owned, work = std::move(work)](const Matrix<T>& rows, std::int64_t chunks,
                                      std::int64_t chunk) { work(rows, chunks, chunk); });
}

}  // namespace tidemark::parallel
