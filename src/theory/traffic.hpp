// Collectives of a step on paper: how many, how large, and what crosses the wire.
#pragma once

#include <cstdint>
#include <vector>

#include "comm/operation.hpp"
#include "config/case.hpp"

namespace tidemark::theory {

/// The collectives of one operation and purpose in one step, on one rank. Bytes are sums over the
/// calls and mean what they mean in comm::CallStats.
struct StepTraffic {
  comm::Operation operation = comm::Operation::all_reduce;
  comm::Purpose purpose = comm::Purpose::activation;
  std::int64_t calls = 0;
  std::int64_t message_bytes = 0;
  std::int64_t wire_bytes = 0;
};

/// All collectives of one step (forward and backward, all layers) on one rank, activations before
/// gradients, each in the order of comm::Operation; empty for t = 1, where nothing is exchanged.
///
/// A layer, with N = s b h w bytes a message:
///
///     TP                         4 all-reduces
///     TP and SP                  6 all-gathers, 4 reduce-scatters
///     TP and SP, keep_gathered   4 all-gathers, 4 reduce-scatters
///
/// and under SP, once a step, an all-reduce of the partial gradients of the replicated parameters:
/// norm1.weight, norm1.bias, proj.bias, norm2.weight, norm2.bias and fc2.bias, so 6 h L w bytes.
/// Wire bytes: 2(t-1)N/t an all-reduce, (t-1)N/t each of the others; exact, since t divides h.
///
/// Throws RunError where the bytes exceed 63 bits, or where t does not divide h.
std::vector<StepTraffic> step_traffic(const config::Case& c, std::int64_t element_bytes);
std::vector<StepTraffic> step_traffic(const config::Case& c);

/// Sum of the wire bytes of one purpose.
std::int64_t wire_bytes_per_step(const config::Case& c, comm::Purpose purpose);

}  // namespace tidemark::theory
