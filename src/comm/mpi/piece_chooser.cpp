// SPDX-License-Identifier: BSD-3-Clause
#include "comm/mpi/piece_chooser.hpp"

#include <algorithm>
#include <array>

#include "comm/algorithms/memory_block.hpp"

namespace tidemark::comm {

namespace {

constexpr int repeats = 3;
/// A trial need not be longer to show how a message travels.
constexpr std::size_t largest_trial = std::size_t{4} << 20;
/// Pieces must be faster by so much, because whole messages cost fewer calls.
constexpr double least_gain = 0.05;

}  // namespace

void PieceChooser::prepare(const BookedCall& call) {
  if (choice_ || imposed_ || communicator_.size() == 1) return;
  const auto ranks = static_cast<std::size_t>(communicator_.size());
  const auto whole = static_cast<std::size_t>(call.message_bytes);
  // Two ranks exchange the whole buffer of an all-reduce in one round.
  const bool is_whole = call.operation == Operation::send_recv ||
                        (call.operation == Operation::all_reduce && ranks == 2);
  const std::size_t message = is_whole ? whole : whole / ranks;
  if (message < 2 * piece_bytes) return;
  choice_ = measure(call.dtype, std::min(message, largest_trial));
}

/// Trial exchanges of all ranks with their neighbours, on buffers of their own.
class PieceChooser::Trial {
 public:
  Trial(const PieceChooser& chooser, DType dtype, std::size_t bytes)
      : chooser_(chooser), send_(chooser.memory_, bytes) {
    const int rank = chooser.communicator_.rank();
    const int ranks = chooser.communicator_.size();
    for (MemoryBlock& recv : recv_) recv = MemoryBlock(chooser.memory_, bytes);
    call_.operation = Operation::send_recv;
    call_.dtype = dtype;
    call_.count = bytes / size_of(dtype);
    call_.send = send_.data();
    call_.to = (rank + 1) % ranks;
    call_.from = (rank + ranks - 1) % ranks;
    call_.message_bytes = static_cast<std::int64_t>(bytes);
    call_.counted = false;
  }

  /// Seconds of an exchange of a chain in which two are always under way, as in a schedule. Then a
  /// permission travels behind the data of the other exchange. Beside each exchange the rank works
  /// for `work` seconds.
  double seconds(std::size_t largest_bytes, double work) {
    Communicator& communicator = chooser_.communicator_;
    chooser_.control_.meet("choosing the size of messages");
    const Clock::time_point begin = Clock::now();
    std::array<Request, 2> requests;
    for (std::size_t k = 0; k <= exchanges; ++k) {
      if (k < exchanges) {
        call_.recv = recv_[k % 2].data();
        requests[k % 2] = chooser_.exchange_(call_, largest_bytes);
      }
      if (k == 0) continue;
      chooser_.work_.run(work);
      communicator.wait(requests[(k - 1) % 2]);
    }
    return std::chrono::duration<double>(Clock::now() - begin).count() / exchanges;
  }

 private:
  static constexpr std::size_t exchanges = 4;

  const PieceChooser& chooser_;
  MemoryBlock send_;
  std::array<MemoryBlock, 2> recv_;
  BookedCall call_;
};

PieceChoice PieceChooser::measure(DType dtype, std::size_t bytes) const {
  Trial trial(*this, dtype, bytes);
  const auto least_of_both = [&](double work) {
    std::array<double, 2> least{};
    for (int repeat = 0; repeat < repeats; ++repeat) {
      for (const bool cuts : {false, true}) {
        const double seconds = trial.seconds(cuts ? piece_bytes : unlimited, work);
        double& shortest = least[cuts ? 1 : 0];
        shortest = repeat == 0 ? seconds : std::min(shortest, seconds);
      }
    }
    control_.max_over_ranks(least);
    return least;
  };
  const std::array<double, 2> alone = least_of_both(0.0);
  const auto [whole, pieces] = least_of_both(std::min(alone[0], alone[1]));
  return {static_cast<std::int64_t>(bytes), static_cast<std::int64_t>(piece_bytes), whole, pieces,
          pieces < (1.0 - least_gain) * whole};
}

}  // namespace tidemark::comm
