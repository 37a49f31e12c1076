// Sums of collectives, formed a second time by another path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "comm/communicator.hpp"

namespace tidemark::comm {

/// What the checks need of the memory that buffers lie in. Each returns when it is done.
struct BufferFunctions {
  /// A 64-bit digest of the exact bits of `count` elements, and their order.
  std::function<std::uint64_t(DType dtype, const void* buffer, std::size_t count)> digest;
  /// Sets every bit, which is NaN in every element type.
  std::function<void(void* buffer, std::size_t bytes)> fill_with_nan;
  std::function<void(void* host, const void* buffer, std::size_t bytes)> to_host;
};

/// `count` elements of a block, from the `first` one on.
struct Stretch {
  std::size_t first;
  std::size_t count;
};

/// Forms sums again and compares them element by element.
///
/// Every rank answers for one block of each sum. It gathers the other ranks' contributions in
/// pieces, each with a digest, and adds them in fp64. Of a block with more than `most_pieces`
/// pieces, as many are drawn at random.
///
/// The bound of an element is gamma_(t-1) times the sum of the |terms| in the unit roundoff of the
/// buffer's type, for t terms in any order (Higham, "Accuracy and Stability of Numerical
/// Algorithms", 2002, section 4.2), plus what fp64 itself and sums that underflow may lose.
class SecondSum {
 public:
  static constexpr std::size_t piece_bytes = 128 * 1024;  ///< of contributions that are gathered

  /// Of this rank.
  struct Findings {
    double worst = 0.0;         ///< largest error of an element over its bound; infinite for NaN
    std::string where;          ///< the call with it
    std::int64_t summed = 0;    ///< elements that this rank answers for
    std::int64_t compared = 0;  ///< of them, those that were formed a second time
  };

  /// `inner` and `functions` must outlive it. `seed`, the same on all ranks, draws the pieces.
  SecondSum(Communicator& inner, const BufferFunctions& functions, std::uint64_t seed,
            std::size_t most_pieces)
      : inner_(inner), on_(functions), random_(seed), most_pieces_(most_pieces) {}

  /// Compares the result of a sum that is complete. `own`: what this rank contributed to a call in
  /// place; empty where the call left it in its buffer. `name` is the call's, for the findings.
  /// Collective, in the same order on all ranks.
  void compare(const Call& call, const std::vector<std::byte>& own, const std::string& name);

  [[nodiscard]] const Findings& findings() const { return findings_; }

  /// The elements of the whole sum that a rank answers for.
  [[nodiscard]] static Stretch block_of_rank(const Call& call, int rank, int ranks);

 private:
  /// A sum, what this rank contributed where the call overwrote it, and its name.
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
