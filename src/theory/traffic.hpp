// SPDX-License-Identifier: BSD-3-Clause
// Collectives of a step by formula: their number, their bytes, and their bytes on the wire.
#pragma once

#include <cstdint>
#include <vector>

#include "comm/operation.hpp"
#include "config/case.hpp"

namespace tidemark::theory {

/// The collectives of one operation and purpose, per step and rank. Bytes are sums over the calls,
/// as comm::CallStats defines them.
struct StepTraffic {
  comm::Operation operation = comm::Operation::all_reduce;
  comm::Purpose purpose = comm::Purpose::activation;
  std::int64_t calls = 0;
  std::int64_t message_bytes = 0;
  std::int64_t wire_bytes = 0;
};

/// All collectives of one step (forward and backward, all layers and the ends) on one rank.
/// Activations come before gradients, each in the order of comm::Operation. Empty for t = 1, where
/// no data are exchanged.
///
/// Calls with N = s b h w bytes per message, of a layer, and of the ends if the case has them:
///
///                   a layer                              the ends
///     TP            4 all-reduces                        2 all-reduces
///     TP and SP     6 all-gathers, 4 reduce-scatters     3 all-gathers, 2 reduce-scatters
///
/// `keep_gathered` saves the all-gathers that repeat a product's input: 2 per layer, 1 at the ends.
/// `recompute: full` repeats the forward pass of a layer with its collectives: 2 more all-reduces,
/// or 2 more all-gathers and 2 more reduce-scatters. Other ways of recomputing, and blocked
/// attention, add none.
///
/// With ends, the cross-entropy gathers three numbers per token from each rank: one all-gather of
/// 3 t s b F bytes. F is the bytes of a gradient's element.
///
/// SP needs one all-reduce per step for the partial gradients of the replicated parameters. These
/// are norm1.weight, norm1.bias, proj.bias, norm2.weight, norm2.bias and fc2.bias, and the two of
/// the final norm. So it has (6 h L + 2 h) F bytes, or 6 h L F without ends. Family llama has only
/// weights of norms: (2 h L + h) F, or 2 h L F.
///
/// If r = t/g > 1 ranks hold the same keys and values, each layer has r - 1 exchanges, with or
/// without SP. They carry k's and v's rows of the gradient of qkv.weight, 2 d h F bytes each.
///
/// Wire bytes: 2(t-1)N/t per all-reduce, (t-1)N/t per all-gather or reduce-scatter, N per exchange.
/// They are exact, because t divides h.
///
/// Throws RunError if the bytes exceed 63 bits, or if t does not divide h.
std::vector<StepTraffic> step_traffic(const config::Case& c);

/// Sum of the wire bytes of one purpose.
std::int64_t wire_bytes_per_step(const config::Case& c, comm::Purpose purpose);

}  // namespace tidemark::theory
