#include "theory/traffic.hpp"

#include <algorithm>
#include <initializer_list>

#include "theory/exact.hpp"

namespace tidemark::theory {

namespace {

using comm::Operation;
using comm::Purpose;

/// Calls of one size.
struct Messages {
  std::int64_t calls;
  std::int64_t bytes;  ///< N, each
};

/// Wire bytes are counted in units of (t-1)/t N, of which an all-reduce moves two and the others
/// one: section by section, the published table.
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

}  // namespace

std::vector<StepTraffic> step_traffic(const config::Case& c) {
  const std::int64_t t = c.parallel.tensor;
  if (t == 1) return {};

  const config::ModelConfig& m = c.model;
  const std::int64_t h = m.hidden_size;
  const std::int64_t layers = m.num_layers;
  const std::int64_t ends = m.has_ends() ? 1 : 0;
  const auto w = static_cast<std::int64_t>(c.element_bytes());
  const auto f = static_cast<std::int64_t>(c.accumulation_bytes());
  const std::int64_t tensor = exact_product({m.tokens(), h, w});  // [s, b, h]
  // A mode that is still to be chosen counts as that which takes most apart.
  const bool rings = c.overlap.mode == "ring" || c.overlap.is_chosen();

  // A collective where a sublayer begins and one where it ends, in every pass over the stack.
  const std::int64_t forwards = c.recomputes_layer() ? 2 : 1;
  const std::int64_t sublayers = 2 * layers;
  // Maximum, sum of exponentials and the label's logit of each token, from each rank.
  const Messages loss{ends, exact_product({3, t, m.tokens(), f})};

  if (!c.sequence_parallel()) {
    // In forward at the end of a sublayer and of the embedding, in backward where a sublayer and
    // the output projection begin. By chunks of rows, all but the embedding's have more calls.
    const std::int64_t by_chunks =
        exact_sum({exact_product({forwards, sublayers}), sublayers, ends});
    const std::int64_t chunks = rings ? c.overlap.cut().of(m.tokens()) : 1;
    std::vector<StepTraffic> traffic{sum_of(Operation::all_reduce, Purpose::activation, t,
                                            {{exact_sum({by_chunks, ends}), tensor}})};
    traffic.front().calls = exact_sum({exact_product({by_chunks, chunks}), ends});
    if (ends > 0) traffic.push_back(sum_of(Operation::all_gather, Purpose::activation, t, {loss}));
    return traffic;
  }
  // Gathers: where a sublayer begins in forward, and the output projection; in backward where a
  // sublayer ends, and the embedding; and again the inputs of qkv, fc1 and the output projection,
  // unless they were kept. Scatters are their conjugates, without the latter.
  const std::int64_t begun = exact_product({forwards, sublayers});
  const std::int64_t again = c.parallel.keep_gathered ? 0 : exact_sum({sublayers, ends});
  // Taken apart are those that a product waits for, or that wait for one: t - 1 shards
  // each, in forward by chunks.
  const std::int64_t gathers_apart = rings ? exact_sum({begun, ends, sublayers}) : 0;
  const std::int64_t scatters_apart = rings ? begun : 0;
  const std::int64_t by_chunks = exact_sum({begun, ends, begun});  // all but those of backward
  const std::int64_t gathers = exact_sum({begun, sublayers, 2 * ends, again}) - gathers_apart;
  const std::int64_t scatters = exact_sum({begun, sublayers, 2 * ends}) - scatters_apart;
  const std::int64_t gradients =
      exact_product({exact_sum({exact_product({6, layers}), 2 * ends}), h, f});
  std::vector<StepTraffic> traffic{
      sum_of(Operation::all_gather, Purpose::activation, t, {{gathers, tensor}, loss}),
      sum_of(Operation::reduce_scatter, Purpose::activation, t, {{scatters, tensor}}),
      sum_of(Operation::all_reduce, Purpose::gradient, t, {{1, gradients}})};
  if (rings) {
    traffic.push_back(
        sum_of(Operation::send_recv, Purpose::activation, t,
               {{exact_product({t - 1, exact_sum({gathers_apart, scatters_apart})}), tensor / t}}));
    StepTraffic& exchanges = traffic.back();
    const std::int64_t chunks = c.overlap.cut().of(m.tokens() / t);
    exchanges.calls =
        exact_product({t - 1, exact_sum({exact_product({by_chunks, chunks}), sublayers})});
  }
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
