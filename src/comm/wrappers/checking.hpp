// Collectives whose results are checked, for one step of a verification.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "comm/wrappers/decorator.hpp"
#include "comm/wrappers/second_sum.hpp"

namespace tidemark::comm {

/// What the checks found, the same on all ranks.
struct CommunicationFindings {
  std::int64_t parts = 0;         ///< of gathers and exchanges that were received
  std::int64_t parts_differ = 0;  ///< that are not what was sent
  std::string first_part;         ///< the first of them, in words
  double worst_sum = 0.0;         ///< largest error of a sum over its bound; infinite for NaN
  std::string worst_call;         ///< the call with it
  std::int64_t summed = 0;        ///< elements of sums, over all ranks
  std::int64_t compared = 0;      ///< of them, those that were formed a second time
  std::int64_t never_waited = 0;  ///< calls that nobody waited for
  std::string first_never_waited;
};

/// Carries calls out by another communicator, and checks what they deliver:
///
/// * Buffers that a call receives into are filled with NaN before it is posted.
/// * Each part of an all-gather or exchange has a digest, taken by its sender before the call and
///   by its receiver after it.
/// * Each sum is formed a second time. Every rank answers for one block of it: it gathers the other
///   ranks' contributions in pieces, each with a digest, adds them in fp64, and compares element by
///   element. The other blocks of an all-reduce must have the digest that they have on the rank
///   that answers for them. Of a block with more than `most_pieces` pieces, as many are drawn at
///   random.
///
/// The bound of an element is gamma_(t-1) times the sum of the |terms| in the unit roundoff of the
/// buffer's type, for t terms in any order (Higham, "Accuracy and Stability of Numerical
/// Algorithms", 2002, section 4.2), plus what fp64 itself and sums that underflow may lose.
///
/// Contributions to a sum in place are copied to the host until its call is waited for. All ranks
/// must wait for sums in the same order. Calls are not counted. The first `wait` after a call
/// fences it, so that the step takes longer than usual.
class CheckingCommunicator final : public Decorator {
 public:
  /// `inner` must outlive it. `seed`, the same on all ranks, draws the pieces.
  CheckingCommunicator(Communicator& inner, BufferFunctions functions, std::uint64_t seed,
                       std::size_t most_pieces = 128)
      : Decorator(inner), on_(std::move(functions)), sums_(inner, on_, seed, most_pieces) {}

  [[nodiscard]] Request post(const Call& call) override;
  [[nodiscard]] std::vector<Request> post_together(std::span<const Call> exchanges) override;
  void wait(Request& request) override;
  void poll() override { inner_.poll(); }

  /// Compares what the ranks noted. Collective; to be called once, after the step.
  [[nodiscard]] CommunicationFindings finish();

 private:
  /// A call that is not complete.
  struct Pending : Call {
    Request request;  ///< of the other communicator
    std::uint64_t number = 0;
    std::vector<std::byte> own;  ///< what this rank contributes to a sum in place
  };
  /// The digest of a part, as its sender or its receiver sees it.
  struct Note {
    std::uint64_t number;  ///< of the call
    std::int64_t peer;     ///< receiver, or sender; `everyone` for a part that all ranks get
    std::uint64_t digest;
  };
  static constexpr std::int64_t everyone = -1;

  Pending begin(const Call& call);
  Request enter(Pending call, Request request);
  void keep_contribution(Pending& call, const void* buffer, std::size_t bytes);
  void note_received(const Pending& call);
  void check_sum(const Pending& call);
  [[nodiscard]] std::uint64_t digest(const Pending& call, const void* buffer, std::size_t first,
                                     std::size_t count) const;
  [[nodiscard]] std::string name_of_call(std::uint64_t number) const;
  void compare_notes(CommunicationFindings& findings);
  void share(CommunicationFindings& findings);

  BufferFunctions on_;
  SecondSum sums_;
  std::map<std::uint64_t, Pending> pending_;
  std::vector<std::string> names_;  ///< of the calls, by number
  std::vector<Note> sent_, received_;
};

}  // namespace tidemark::comm
