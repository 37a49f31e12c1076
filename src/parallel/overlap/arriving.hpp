// SPDX-License-Identifier: BSD-3-Clause
// Activations whose rows arrive chunk by chunk while the next operation already uses them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "base/device.hpp"
#include "base/pieces.hpp"
#include "memory/ledger.hpp"

namespace tidemark::parallel {

/// One chunk of a matrix that is cut into chunks of whole rows, as evenly as possible.
template <class T>
Matrix<T> chunk_of(const Matrix<T>& matrix, std::int64_t chunks, std::int64_t index) {
  const std::int64_t first = first_of_piece(num_rows(matrix), chunks, index);
  return rows(matrix, first, first_of_piece(num_rows(matrix), chunks, index + 1) - first);
}

/// Owner of an activation whose rows are made on request, chunk by chunk and in order. A chunk
/// depends on pending messages and on row-by-row work with their data. So the next region of a
/// layer can start before the collective of the previous region is complete.
///
/// All ranks must request the same chunks in the same order, because completing one may send
/// messages.
template <class T>
class Arriving {
 public:
  /// Makes the rows of a chunk, and owns everything that it needs for that.
  using Complete = std::function<void(std::int64_t chunk)>;

  Arriving() = default;
  /// An activation that is complete. A tensor converts to it implicitly.
  Arriving(memory::Tensor<T> tensor) : tensor_(std::move(tensor)) {}  // NOLINT: implicit on purpose
  Arriving(memory::Tensor<T> tensor, std::int64_t chunks, Complete complete)
      : tensor_(std::move(tensor)), chunks_(chunks), complete_(std::move(complete)) {}

  /// Number of chunks; 1 if all rows are there.
  [[nodiscard]] std::int64_t chunks() const { return complete_ ? chunks_ : 1; }
  [[nodiscard]] bool is_there() const { return !complete_; }
  /// The whole matrix, including rows that have not arrived.
  [[nodiscard]] const Matrix<T>& view() const { return tensor_.view(); }

  /// Completes all chunks up to and including `chunk`. After the last chunk, it frees what the
  /// chunks needed.
  void await(std::int64_t chunk) {
    while (complete_ && next_ <= chunk) {
      complete_(next_++);
      if (next_ == chunks_) complete_ = nullptr;
    }
  }
  /// Completes all chunks.
  void await_all() { await(chunks_ - 1); }
  /// Completes all chunks and gives the tensor to the caller.
  [[nodiscard]] memory::Tensor<T> take() {
    await_all();
    return std::move(tensor_);
  }
  void reset() { *this = Arriving(); }

 private:
  memory::Tensor<T> tensor_;
  std::int64_t chunks_ = 1;
  std::int64_t next_ = 0;  ///< the first chunk that has not arrived
  Complete complete_;      ///< empty: all rows are there
};

/// Returns `result`, whose rows depend row by row on those of `source`. If `source` is complete,
/// all rows are made at once. Otherwise each chunk is made on request.
///
/// `work(rows, chunks, chunk)` makes one chunk of `result` from the same rows of `source`. `source`
/// must stay at its address until the last chunk.
template <class U, class T, class Work>
Arriving<U> following(memory::Tensor<U> result, Arriving<T>& source, Work work) {
  if (source.is_there()) {
    work(source.view(), 1, 0);
    return Arriving<U>(std::move(result));  // nvcc would copy it without the move
  }
  const std::int64_t chunks = source.chunks();
  return {std::move(result), chunks, [&source, work = std::move(work), chunks](std::int64_t chunk) {
            source.await(chunk);
            work(source.view(), chunks, chunk);
          }};
}

/// The same, but takes the ownership of `source` and frees it after the last chunk.
template <class U, class T, class Work>
Arriving<U> following(memory::Tensor<U> result, Arriving<T>&& source, Work work) {
  // A shared pointer, because a function object must be copyable. There is only one owner.
  const auto owned = std::make_shared<Arriving<T>>(std::move(source));
  return following(
      std::move(result), *owned,
      [owned, work = std::move(work)](const Matrix<T>& rows, std::int64_t chunks,
                                      std::int64_t chunk) { work(rows, chunks, chunk); });
}

}  // namespace tidemark::parallel
