// Collectives of a step by formula: how many, how large, and what crosses the wire.
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

/// All collectives of one step (forward and backward, all layers and the ends) on one rank,
/// activations before gradients, each in the order of comm::Operation; empty for t = 1, where
/// nothing is exchanged.
///
/// Calls with N = s b h w bytes a message, of a layer and of the ends, where the case has them:
///
///                   a layer                              the ends
///     TP            4 all-reduces                        2 all-reduces
///     TP and SP     6 all-gathers, 4 reduce-scatters     3 all-gathers, 2 reduce-scatters
///
/// `keep_gathered` spares the all-gathers that fetch a product's input again: 2 a layer, 1 at the
/// ends. `recompute: full` runs the forward pass of a layer again with its collectives: 2 more
/// all-reduces, or 2 more all-gathers and 2 more reduce-scatters; the other ways of recomputing,
/// and blocked attention, none.
///
/// The ends also gather three numbers a token from each rank for the cross-entropy: one all-gather
/// of 3 t s b F bytes. With F, the bytes of a gradient's element, SP needs once a step an
/// all-reduce of the partial gradients of the replicated parameters: norm1.weight, norm1.bias,
/// proj.bias, norm2.weight, norm2.bias and fc2.bias, and the two of the final norm, so
/// (6 h L + 2 h) F bytes, or 6 h L F without ends. Family llama has weights of norms alone:
/// (2 h L + h) F, or 2 h L F.
///
/// Where r = t/g > 1 ranks hold the same keys and values, with SP or without, there follow for each
/// layer r - 1 exchanges of k's and v's rows of the gradient of qkv.weight, 2 d h F bytes each.
///
/// Wire bytes: 2(t-1)N/t an all-reduce, (t-1)N/t an all-gather or reduce-scatter, exact, since t
/// divides h; N an exchange.
///
/// Throws RunError where the bytes exceed 63 bits, or where t does not divide h.
std::vector<StepTraffic> step_traffic(const config::Case& c);

/// Sum of the wire bytes of one purpose.
std::int64_t wire_bytes_per_step(const config::Case& c, comm::Purpose purpose);

}  // namespace tidemark::theory
