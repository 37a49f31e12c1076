// SPDX-License-Identifier: BSD-3-Clause
// Forms the sums of collectives a second time by another path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "comm/communicator.hpp"

namespace tidemark::comm {

/// Functions that the checks need for buffers in their memory. Each returns when its work is done.
struct BufferFunctions {
  /// A 64-bit digest of the exact bits of `count` elements and of their order.
  std::function<std::uint64_t(DType dtype, const void* buffer, std::size_t count)> digest;
  /// Sets every bit, which gives NaN in every element type.
  std::function<void(void* buffer, std::size_t bytes)> fill_with_nan;
  std::function<void(void* host, const void* buffer, std::size_t bytes)> to_host;
};

/// `count` elements of a block, beginning with element `first`.
struct Stretch {
  std::size_t first;
  std::size_t count;
};

/// Forms sums again and compares them element by element.
///
/// Every rank is responsible for one block of each sum. It gathers the other ranks' contributions
/// in pieces, each with a digest, and adds them in fp64. If a block has more than `most_pieces`
/// pieces, `most_pieces` of them are drawn at random.
///
/// The bound of an element is gamma_(t-1) times the sum of the |terms|, for t terms in any order.
/// gamma uses the unit roundoff of the buffer's type (Higham, "Accuracy and Stability of Numerical
/// Algorithms", 2002, section 4.2). An allowance for errors of fp64 and for sums that underflow is
/// added.
class SecondSum {
 public:
  static constexpr std::size_t piece_bytes = 128 * 1024;  ///< of contributions that are gathered

  /// The findings of this rank.
  struct Findings {
    double worst = 0.0;  ///< largest error of an element, relative to its bound; infinite for NaN
    std::string where;   ///< the call with that error
    std::int64_t summed = 0;    ///< elements of this rank's blocks
    std::int64_t compared = 0;  ///< how many of them were formed a second time
  };

  /// `inner` and `functions` must outlive this object. `seed` selects the random pieces and must be
  /// equal on all ranks.
  SecondSum(Communicator& inner, const BufferFunctions& functions, std::uint64_t seed,
            std::size_t most_pieces)
      : inner_(inner), on_(functions), random_(seed), most_pieces_(most_pieces) {}

  /// Compares the result of a complete sum. `own` is this rank's contribution to a call in place.
  /// It is empty if the call left the contribution in its buffer. `name` is the call's name in the
  /// findings. Collective, in the same order on all ranks.
  void compare(const Call& call, const std::vector<std::byte>& own, const std::string& name);

  [[nodiscard]] const Findings& findings() const { return findings_; }

  /// The elements of the whole sum for which a rank is responsible.
  [[nodiscard]] static Stretch block_of_rank(const Call& call, int rank, int ranks);

 private:
  /// A sum, this rank's contribution if the call overwrote it, and the call's name.
  struct Sum {
    const Call& call;
    const std::vector<std::byte>& own;
    const std::string& name;
  };
  [[nodiscard]] std::vector<Stretch> pieces_of(std::size_t block, std::size_t element_bytes);
  [[nodiscard]] std::string contribution_to(const Sum& sum, int rank, const Stretch& piece) const;
  void add_contribution(const Sum& sum, const std::string& text, std::size_t count,
                        std::vector<double>& sums, std::vector<double>& magnitudes);
  void compare_piece(const Sum& sum, std::span<const double> sums,
                     std::span<const double> magnitudes, const Stretch& piece);
  void note_error(const Sum& sum, double ratio, const std::string& what);

  Communicator& inner_;
  const BufferFunctions& on_;
  std::uint64_t random_;
  std::size_t most_pieces_;
  Findings findings_;
};

}  // namespace tidemark::comm
