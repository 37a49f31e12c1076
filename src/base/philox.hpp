// SPDX-License-Identifier: BSD-3-Clause
// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC'11). The value of an element depends only on its global index,
// so that every sharding of a tensor gets the same numbers.
#pragma once

#include <cstdint>

#include <Kokkos_Core.hpp>

namespace tidemark::philox {

/// The key of the generator, which names one random tensor.
struct Key {
  std::uint32_t seed = 0;
  std::uint32_t stream = 0;
};

/// The four words of one block.
struct Words {
  std::uint32_t w[4];
};

/// Ten rounds on a 128-bit counter.
KOKKOS_INLINE_FUNCTION Words generate(Words counter, Key key) {
  constexpr std::uint64_t multiplier0 = 0xD2511F53U;
  constexpr std::uint64_t multiplier1 = 0xCD9E8D57U;
  constexpr std::uint32_t weyl0 = 0x9E3779B9U;
  constexpr std::uint32_t weyl1 = 0xBB67AE85U;
  std::uint32_t c0 = counter.w[0], c1 = counter.w[1], c2 = counter.w[2], c3 = counter.w[3];
  std::uint32_t k0 = key.seed, k1 = key.stream;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = multiplier0 * c0;
    const std::uint64_t product1 = multiplier1 * c2;
    c0 = static_cast<std::uint32_t>(product1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(product1);
    c2 = static_cast<std::uint32_t>(product0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(product0);
    k0 += weyl0;
    k1 += weyl1;
  }
  return {{c0, c1, c2, c3}};
}

/// Words 4 `block` to 4 `block` + 3 of the stream.
KOKKOS_INLINE_FUNCTION Words words_of_block(Key key, std::uint64_t block) {
  return generate(
      {{static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), 0, 0}}, key);
}

/// The word of one element: word `element` mod 4 of block `element` div 4.
KOKKOS_INLINE_FUNCTION std::uint32_t word_of_element(Key key, std::uint64_t element) {
  return words_of_block(key, element / 4).w[element % 4];
}

/// Uniform in the open interval (-1/2, 1/2), and symmetric about 0.
KOKKOS_INLINE_FUNCTION double centred_uniform(std::uint32_t word) {
  return (static_cast<double>(word) + 0.5) * (1.0 / 4294967296.0) - 0.5;
}

/// Calls `use(offset, word)` for each of the elements [first, first + count) of a stream. Offsets
/// start at 0. The lanes of a team generate each block once.
template <class Member, class Use>
KOKKOS_INLINE_FUNCTION void for_each_word(const Member& member, Key key, std::uint64_t first,
                                          int count, const Use& use) {
  const int to_block = static_cast<int>((4 - first % 4) % 4);
  const int head = to_block < count ? to_block : count;
  const int blocks = (count - head) / 4;
  const int tail = head + 4 * blocks;
  const std::uint64_t first_block = (first + static_cast<std::uint64_t>(head)) / 4;
  Kokkos::parallel_for(Kokkos::ThreadVectorRange(member, head), [&](const int j) {
    use(j, word_of_element(key, first + static_cast<std::uint64_t>(j)));
  });
  Kokkos::parallel_for(Kokkos::ThreadVectorRange(member, blocks), [&](const int block) {
    const Words words = words_of_block(key, first_block + static_cast<std::uint64_t>(block));
    const int j = head + 4 * block;
    use(j, words.w[0]);
    use(j + 1, words.w[1]);
    use(j + 2, words.w[2]);
    use(j + 3, words.w[3]);
  });
  Kokkos::parallel_for(Kokkos::ThreadVectorRange(member, count - tail), [&](const int j) {
    use(tail + j, word_of_element(key, first + static_cast<std::uint64_t>(tail + j)));
  });
}

}  // namespace tidemark::philox
