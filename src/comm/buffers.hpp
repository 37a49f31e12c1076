// SPDX-License-Identifier: BSD-3-Clause
// Addresses inside the buffers of a collective.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/dtype.hpp"

namespace tidemark::comm {

/// Block `index` of `whole`; blocks have `block_bytes` bytes. Null if `whole` is null.
inline const void* block_of(const void* whole, std::size_t block_bytes, std::int64_t index) {
  if (whole == nullptr) return nullptr;
  return static_cast<const std::byte*>(whole) + block_bytes * static_cast<std::size_t>(index);
}

/// Element `index` of `buffer`.
inline const void* element_at(const void* buffer, std::size_t index, DType dtype) {
  return block_of(buffer, size_of(dtype), static_cast<std::int64_t>(index));
}

/// Whether `block` shares no byte with the array of `blocks` such blocks at `whole`.
inline bool are_apart(const void* block, const void* whole, std::size_t block_bytes, int blocks) {
  const auto* first = static_cast<const std::byte*>(block);
  const auto* begin = static_cast<const std::byte*>(whole);
  const std::size_t bytes = block_bytes * static_cast<std::size_t>(blocks);
  const std::less<> before;  // a total order, also of pointers into different arrays
  return block_bytes == 0 || !before(first, begin + bytes) || !before(begin, first + block_bytes);
}

}  // namespace tidemark::comm
