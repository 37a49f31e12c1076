// SPDX-License-Identifier: BSD-3-Clause
#include "comm/mpi/mpi_communicator.hpp"

#include <cstdint>
#include <utility>

#include "base/error.hpp"
#include "comm/buffers.hpp"

namespace tidemark::comm {

MpiCommunicator::MpiCommunicator(MPI_Comm parent, std::chrono::duration<double> timeout,
                                 MpiOptions options)
    : watchdog_(timeout, rank_in(parent)),
      options_(options),
      handle_(parent, watchdog_, options_.node_labels),
      library_(handle_, options_.largest_count),
      progress_(handle_, watchdog_, options_),
      control_(handle_, progress_),
      chooser_(control_, *this, options_.polls, options_.memory,
               [this](Algorithm algorithm, const BookedCall& call) {
                 return carry_out_by(algorithm, call);
               }),
      pieces_(control_, *this, options_.polls, options_.cuts, options_.memory,
              [this](const BookedCall& call, std::size_t largest_bytes) {
                return post_exchange(call, {largest_bytes, largest_bytes});
              }) {}

void MpiCommunicator::require_apart(const Call& call, const void* block, const void* whole) const {
  if (are_apart(block, whole, call.block_bytes(), handle_.size())) return;
  handle_.fail(name_of(call.operation), "the buffers overlap");
}

/// Requires that block and whole do not overlap, or that the block is this rank's own block.
void MpiCommunicator::require_usable_buffers(const Call& call) const {
  if (call.operation == Operation::all_gather) {
    if (call.send == block_of(call.recv, call.block_bytes(), handle_.rank())) return;
    require_apart(call, call.send, call.recv);
  }
  if (call.operation == Operation::reduce_scatter) {
    const bool by_library = options_.automatic || options_.algorithm == Algorithm::native;
    const bool in_place = call.recv == block_of(call.send, call.block_bytes(), handle_.rank());
    if (in_place && (handle_.size() == 1 || !by_library)) return;
    require_apart(call, call.recv, call.send);
  }
}

Request MpiCommunicator::post(const Call& call) {
  require_usable_buffers(call);
  const BookedCall booked{call, static_cast<std::int64_t>(call.message_bytes(handle_.size()))};
  if (may_be_cut(call.operation)) pieces_.prepare(booked);
  if (call.operation == Operation::send_recv) return post_exchange(booked, limits());
  return carry_out_by(algorithm_for(booked), booked);
}

/// Whether messages of such a call could be cut: those of exchanges and of own algorithms, beside
/// work or between nodes. MPI that reaches a device moves its data by protocols of its own.
bool MpiCommunicator::may_be_cut(Operation operation) const {
  if (options_.on_device) return false;
  if (!overlapping_ && handle_.nodes().nodes() == 1) return false;
  if (operation == Operation::send_recv) return true;
  return imposed_ ? *imposed_ != Algorithm::native
                  : options_.automatic || options_.algorithm != Algorithm::native;
}

/// Within a node, messages are cut only beside work.
MpiCommunicator::Limits MpiCommunicator::limits() const {
  if (options_.on_device) return {PieceChooser::unlimited, PieceChooser::unlimited};
  const std::size_t pieces = pieces_.largest_bytes();
  return {overlapping_ ? pieces : PieceChooser::unlimited, pieces};
}

Request MpiCommunicator::start(const BookedCall& call, Script script, const Limits& limits) {
  limit_messages(script, handle_.rank(), handle_.nodes(), limits.within_node / size_of(call.dtype),
                 limits.between_nodes / size_of(call.dtype));
  return {*this, progress_.start(call, std::move(script), overlapping_)};
}

Request MpiCommunicator::post_exchange(const BookedCall& call, const Limits& limits) {
  Round round;
  if (call.count > 0) {
    round.receives.push_back({.peer = call.from, .piece = {Place::recv, 0, call.count}});
    round.sends.push_back({.peer = call.to, .piece = {Place::send, 0, call.count}});
  }
  Script script;
  script.rounds.push_back(std::move(round));
  return start(call, std::move(script), limits);
}

bool MpiCommunicator::may_be_native(const BookedCall& call) const {
  if (options_.automatic && !library_.can_count(call)) return false;
  if (!options_.on_device) return true;
  // With overlapping, the library's call is non-blocking. Non-blocking collectives of Open MPI
  // treat device buffers as host buffers, and form sums on the host (its issue 9845).
  if (overlapping_) return false;
  const bool sums = call.operation != Operation::all_gather;
  return !sums || call.dtype != DType::bf16;
}

/// A selected algorithm holds for a class of sizes. The library may refuse some of them.
Algorithm MpiCommunicator::algorithm_for(const BookedCall& call) {
  const bool may_be_native = this->may_be_native(call);
  const bool chooses = options_.automatic && !imposed_;
  const Algorithm algorithm = chooses ? chooser_.algorithm_for(call, {overlapping_, may_be_native})
                                      : imposed_.value_or(options_.algorithm);
  return algorithm == Algorithm::native && !may_be_native ? Algorithm::pairwise : algorithm;
}

Request MpiCommunicator::carry_out_by(Algorithm algorithm, const BookedCall& call) {
  if (algorithm == Algorithm::native) return carry_out_by_library(call);
  const std::size_t segment = segment_of(options_.segment_bytes, overlapping_, call.dtype);
  return start(
      call,
      script_of(call.operation, algorithm, handle_.rank(), handle_.nodes(), call.count, segment),
      limits());
}

Request MpiCommunicator::carry_out_by_library(const BookedCall& call) {
  library_.require_countable(call);
  if (overlapping_) {
    return {*this, progress_.start_by_library(call, true, [&](MPI_Request* request) {
              return library_.carry_out(call, request);
            })};
  }
  progress_.complete_by_library(call, [&] { return library_.carry_out(call, nullptr); });
  return {};
}

void MpiCommunicator::wait(Request& request) {
  if (!request.pending()) return;
  TIDEMARK_REQUIRE(request.owner() == this, "a request of another communicator");
  progress_.wait(request.ticket());
  request.mark_complete();
}

}  // namespace tidemark::comm
