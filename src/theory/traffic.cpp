// SPDX-License-Identifier: BSD-3-Clause
#include "theory/traffic.hpp"

#include <algorithm>
#include <initializer_list>

#include "theory/exact.hpp"
#include "theory/layer_parts.hpp"

namespace tidemark::theory {

namespace {

using comm::Operation;
using comm::Purpose;

/// A number of calls with messages of one size.
struct Messages {
  std::int64_t calls;
  std::int64_t bytes;  ///< N, bytes per message
};

/// Sums the messages of one operation. Wire bytes are counted in units of (t-1)/t N. An all-reduce
/// moves two units, and the other collectives move one. This is section by section the published
/// table.
StepTraffic sum_of(Operation operation, Purpose purpose, std::int64_t t,
                   std::initializer_list<Messages> messages) {
  StepTraffic sum{operation, purpose};
  for (const auto& [calls, bytes] : messages) {
    sum.calls = exact_sum({sum.calls, calls});
    sum.message_bytes = exact_sum({sum.message_bytes, exact_product({calls, bytes})});
  }
  if (operation == Operation::send_recv) {
    sum.wire_bytes = sum.message_bytes;
    return sum;
  }
  const std::int64_t units = operation == Operation::all_reduce ? 2 : 1;
  sum.wire_bytes = exact_product({units, t - 1, exact_quotient(sum.message_bytes, t)});
  return sum;
}

/// The numbers of calls in a step. A message of activations is the whole [s, b, h] w.
struct Calls {
  std::int64_t forwards;   ///< forward passes over the layers
  std::int64_t sublayers;  ///< in the whole stack
  std::int64_t ends;       ///< 1 if the stack has ends
  std::int64_t tensor;     ///< bytes per message
  Messages loss;           ///< the all-gather of the cross-entropy
};

Calls calls_of(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  const std::int64_t ends = m.has_ends() ? 1 : 0;
  return {.forwards = c.recomputes_layer() ? 2 : 1,
          .sublayers = 2 * m.num_layers,
          .ends = ends,
          .tensor = exact_product({m.tokens(), m.hidden_size, element_bytes(c)}),
          // Per token and rank: the maximum, the sum of exponentials, and the label's logit.
          .loss = {ends, exact_product({3, c.parallel.tensor, m.tokens(), accumulation_bytes(c)})}};
}

/// Whether the schedule is `ring`. `auto` counts as `ring`, which takes most collectives apart.
bool rings(const config::Case& c) {
  return c.overlap.mode == config::OverlapMode::ring || c.overlap.is_auto();
}

std::vector<StepTraffic> activations_under_tp(const config::Case& c) {
  const auto [forwards, sublayers, ends, tensor, loss] = calls_of(c);
  const std::int64_t t = c.parallel.tensor;
  // All-reduces in forward: one at the end of each sublayer, and one after the embedding. In
  // backward: one at the begin of each sublayer, and one at the output projection. Under ring, all
  // except that of the embedding have one call per chunk of rows.
  const std::int64_t by_chunks = exact_sum({exact_product({forwards, sublayers}), sublayers, ends});
  const std::int64_t chunks = rings(c) ? c.overlap.cut().of(c.model.tokens()) : 1;
  std::vector<StepTraffic> traffic{sum_of(Operation::all_reduce, Purpose::activation, t,
                                          {{exact_sum({by_chunks, ends}), tensor}})};
  traffic.front().calls = exact_sum({exact_product({by_chunks, chunks}), ends});
  if (ends > 0) traffic.push_back(sum_of(Operation::all_gather, Purpose::activation, t, {loss}));
  return traffic;
}

std::vector<StepTraffic> activations_under_sp(const config::Case& c) {
  const auto [forwards, sublayers, ends, tensor, loss] = calls_of(c);
  const std::int64_t t = c.parallel.tensor;
  // Gathers in forward: one at the begin of each sublayer, and one at the output projection. In
  // backward: one at the end of each sublayer, and one at the embedding. Also, the inputs of qkv,
  // fc1 and the output projection are gathered again, unless they are kept. Scatters are the
  // conjugates of the gathers in forward and backward.
  const std::int64_t begun = exact_product({forwards, sublayers});
  const std::int64_t again = c.parallel.keep_gathered ? 0 : exact_sum({sublayers, ends});
  // Under ring, collectives are taken apart into t - 1 shards each if a product depends on them, or
  // they depend on a product. In forward each shard has several chunks. The collectives of the
  // embedding, and the inputs that are gathered again, stay whole.
  const std::int64_t gathers_apart = rings(c) ? exact_sum({begun, ends, sublayers}) : 0;
  const std::int64_t scatters_apart = rings(c) ? exact_sum({begun, sublayers, ends}) : 0;
  const std::int64_t by_chunks = exact_sum({begun, ends, begun});  // all except those of backward
  const std::int64_t gathers = exact_sum({begun, sublayers, 2 * ends, again}) - gathers_apart;
  const std::int64_t scatters = exact_sum({begun, sublayers, 2 * ends}) - scatters_apart;
  std::vector<StepTraffic> traffic{
      sum_of(Operation::all_gather, Purpose::activation, t, {{gathers, tensor}, loss}),
      sum_of(Operation::reduce_scatter, Purpose::activation, t, {{scatters, tensor}})};
  if (!rings(c)) return traffic;
  traffic.push_back(
      sum_of(Operation::send_recv, Purpose::activation, t,
             {{exact_product({t - 1, exact_sum({gathers_apart, scatters_apart})}), tensor / t}}));
  const std::int64_t chunks = c.overlap.cut().of(c.model.tokens() / t);
  traffic.back().calls =
      exact_product({t - 1, exact_sum({exact_product({by_chunks, chunks}), 2 * sublayers, ends})});
  return traffic;
}

std::vector<StepTraffic> gradients(const config::Case& c) {
  const LayerParts parts = parts_of(c);
  const std::int64_t h = c.model.hidden_size;
  const std::int64_t f = accumulation_bytes(c);
  const std::int64_t t = c.parallel.tensor;
  std::vector<StepTraffic> traffic;
  if (c.sequence_parallel()) {
    const std::int64_t vectors =
        exact_sum({exact_product({parts.replicated_vectors(), c.model.num_layers}),
                   c.model.has_ends() ? parts.norm.vectors : 0});
    traffic.push_back(
        sum_of(Operation::all_reduce, Purpose::gradient, t, {{1, exact_product({vectors, h, f})}}));
  }
  if (const auto& attention = parts.attention; attention.replicas > 1) {
    const std::int64_t calls = exact_product({c.model.num_layers, attention.replicas - 1});
    traffic.push_back(sum_of(Operation::send_recv, Purpose::gradient, t,
                             {{calls, exact_product({attention.key_value, h, f})}}));
  }
  return traffic;
}

}  // namespace

std::vector<StepTraffic> step_traffic(const config::Case& c) {
  if (c.parallel.tensor == 1) return {};
  std::vector<StepTraffic> traffic =
      c.sequence_parallel() ? activations_under_sp(c) : activations_under_tp(c);
  for (const StepTraffic& gradient : gradients(c)) traffic.push_back(gradient);
  return traffic;
}

std::int64_t wire_bytes_per_step(const config::Case& c, Purpose purpose) {
  std::int64_t sum = 0;
  for (const StepTraffic& traffic : step_traffic(c)) {
    if (traffic.purpose == purpose) sum = exact_sum({sum, traffic.wire_bytes});
  }
  return sum;
}

}  // namespace tidemark::theory
