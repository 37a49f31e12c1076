// SPDX-License-Identifier: BSD-3-Clause
#include "comm/wrappers/second_sum.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "base/mix.hpp"
#include "comm/buffers.hpp"

namespace tidemark::comm {

namespace {

double unit_roundoff(DType dtype) {
  return dtype == DType::fp64 ? 0x1p-53 : dtype == DType::fp32 ? 0x1p-24 : 0x1p-8;
}

/// gamma_n: bound of the relative error of n successive roundings.
double gamma_of(int roundings, double unit) {
  const double nu = roundings * unit;
  return nu < 1.0 ? nu / (1.0 - nu) : std::numeric_limits<double>::infinity();
}

/// The generator splitmix64.
std::uint64_t next_random(std::uint64_t& state) { return mix(state += golden_step); }

/// Digest of a piece of contributions. It works like FNV-1a, but on words of 64 bits. A shift after
/// each word mixes its high bits into the low ones. The last word is padded with zeros.
std::uint64_t digest_of_text(std::string_view text) {
  std::uint64_t digest = 0xcbf29ce484222325ULL ^ text.size();
  for (std::size_t at = 0; at < text.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, std::min(sizeof word, text.size() - at));
    digest = (digest ^ word) * 0x100000001b3ULL;
    digest ^= digest >> 32;
  }
  return digest;
}

constexpr std::size_t digest_bytes = sizeof(std::uint64_t);

}  // namespace

Stretch SecondSum::block_of_rank(const Call& call, int rank, int ranks) {
  const auto r = static_cast<std::size_t>(rank);
  if (call.operation == Operation::reduce_scatter) return {r * call.count, call.count};
  const auto n = static_cast<std::size_t>(ranks);
  const std::size_t first = call.count / n * r + std::min(r, call.count % n);
  return {first, call.count / n + (r < call.count % n ? 1 : 0)};
}

/// All pieces of a block, or the drawn ones. Blocks of equal length give the same on all ranks.
std::vector<Stretch> SecondSum::pieces_of(std::size_t block, std::size_t element_bytes) {
  const std::size_t length = piece_bytes / element_bytes;
  const std::size_t count = (block + length - 1) / length;
  std::vector<Stretch> pieces;
  for (std::size_t left = count, i = 0; i < count; ++i, --left) {
    const std::size_t wanted = std::min(count, most_pieces_) - pieces.size();
    if (wanted < left && next_random(random_) % left >= wanted) continue;
    pieces.push_back({i * length, std::min(length, block - i * length)});
  }
  return pieces;
}

/// This rank's contribution to a piece of the block of `rank`, after its digest.
std::string SecondSum::contribution_to(const Sum& sum, int rank, const Stretch& piece) const {
  const Stretch block = block_of_rank(sum.call, rank, inner_.size());
  const std::size_t begin = std::min(piece.first, block.count);
  const std::size_t bytes = std::min(piece.count, block.count - begin) * size_of(sum.call.dtype);
  std::string text(digest_bytes + bytes, '\0');
  char* const data = text.data() + digest_bytes;
  if (bytes > 0 && !sum.own.empty()) {
    std::memcpy(data, element_at(sum.own.data(), block.first + begin, sum.call.dtype), bytes);
  } else if (bytes > 0) {
    on_.to_host(data, element_at(sum.call.send, block.first + begin, sum.call.dtype), bytes);
  }
  const std::uint64_t digest = digest_of_text({data, bytes});
  std::memcpy(text.data(), &digest, digest_bytes);
  return text;
}

void SecondSum::add_contribution(const Sum& sum, const std::string& text, std::size_t count,
                                 std::vector<double>& sums, std::vector<double>& magnitudes) {
  const std::string_view data = std::string_view(text).substr(digest_bytes);
  std::uint64_t digest = 0;
  std::memcpy(&digest, text.data(), digest_bytes);
  if (digest != digest_of_text(data) || data.size() < count * size_of(sum.call.dtype)) {
    note_error(sum, HUGE_VAL, "a contribution to the second sum did not arrive as it was sent");
    return;
  }
  with_scalar_of(sum.call.dtype, [&](auto scalar) {
    using T = decltype(scalar);
    for (std::size_t i = 0; i < count; ++i) {
      T bits;
      std::memcpy(&bits, data.data() + i * sizeof(T), sizeof(T));
      const auto term = static_cast<double>(bits);
      sums[i] += term;
      magnitudes[i] += std::abs(term);
    }
  });
}

/// In round d, every rank sends its contribution to the block of the rank that follows d places
/// later.
void SecondSum::compare(const Call& call, const std::vector<std::byte>& own,
                        const std::string& name) {
  const Sum sum{call, own, name};
  const std::size_t own_length = block_of_rank(call, inner_.rank(), inner_.size()).count;
  findings_.summed += static_cast<std::int64_t>(own_length);
  // Blocks of an all-reduce differ by at most one element, and the first is the longest.
  const std::size_t longest = block_of_rank(call, 0, inner_.size()).count;
  for (const Stretch& piece : pieces_of(longest, size_of(call.dtype))) {
    const std::size_t begin = std::min(piece.first, own_length);
    const Stretch here{begin, std::min(piece.count, own_length - begin)};
    std::vector<double> sums(here.count, 0.0);
    std::vector<double> magnitudes(here.count, 0.0);
    add_contribution(sum, contribution_to(sum, inner_.rank(), piece), here.count, sums, magnitudes);
    for (int distance = 1; distance < inner_.size(); ++distance) {
      const int to = (inner_.rank() + distance) % inner_.size();
      const auto shown = inner_.gather_bytes(contribution_to(sum, to, piece));
      const int from = (inner_.rank() - distance + inner_.size()) % inner_.size();
      add_contribution(sum, shown[static_cast<std::size_t>(from)], here.count, sums, magnitudes);
    }
    compare_piece(sum, sums, magnitudes, here);
  }
}

void SecondSum::compare_piece(const Sum& sum, std::span<const double> sums,
                              std::span<const double> magnitudes, const Stretch& piece) {
  if (piece.count == 0) return;
  const bool reduces_all = sum.call.operation == Operation::all_reduce;
  const std::size_t first =
      piece.first + (reduces_all ? block_of_rank(sum.call, inner_.rank(), inner_.size()).first : 0);
  // The bound also covers rounding of the second sum, and sums that underflow to zero.
  const double relative = gamma_of(inner_.size() - 1, unit_roundoff(sum.call.dtype)) +
                          gamma_of(inner_.size(), unit_roundoff(DType::fp64));
  const double smallest = static_cast<double>(std::numeric_limits<float>::min()) * inner_.size();
  double worst = 0.0;
  with_scalar_of(sum.call.dtype, [&](auto scalar) {
    std::vector<decltype(scalar)> results(piece.count);
    on_.to_host(results.data(), element_at(sum.call.recv, first, sum.call.dtype),
                piece.count * size_of(sum.call.dtype));
    for (std::size_t i = 0; i < piece.count; ++i) {
      const double error = std::abs(static_cast<double>(results[i]) - sums[i]);
      const double ratio = error / (relative * magnitudes[i] + smallest);
      worst = std::max(worst, std::isfinite(ratio) ? ratio : HUGE_VAL);
    }
  });
  findings_.compared += static_cast<std::int64_t>(piece.count);
  if (worst > findings_.worst)
    note_error(sum, worst, fmt::format("block of rank {}", inner_.rank()));
}

void SecondSum::note_error(const Sum& sum, double ratio, const std::string& what) {
  if (ratio <= findings_.worst) return;
  findings_.worst = ratio;
  findings_.where = fmt::format("{}: {}", sum.name, what);
}

}  // namespace tidemark::comm
