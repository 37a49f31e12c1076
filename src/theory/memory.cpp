#include "theory/memory.hpp"

#include <algorithm>

#include "theory/activation.hpp"
#include "theory/exact.hpp"

namespace tidemark::theory {

namespace {

/// Bytes of the tensors that live for a moment only, on one rank.
struct Transients {
  std::int64_t shard;      ///< [S, b, h], S = s/t under sequence parallelism, else s
  std::int64_t whole;      ///< [s, b, h]
  std::int64_t gathered;   ///< `whole` where the shard has to be gathered first, else 0
  std::int64_t scattered;  ///< `shard` where a sum is scattered into it, else 0 (summed in place)
  std::int64_t refetched;  ///< `gathered`, unless the gathered inputs were kept
  std::int64_t context;    ///< [s, b, h/t]
  std::int64_t ffn;        ///< [s, b, ffn/t]
  std::int64_t scores;     ///< [b, a/t, s, s]
};

std::int64_t bytes_of_element(const config::Case& c) {
  return static_cast<std::int64_t>(c.element_bytes());
}

Transients transients_of(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  const std::int64_t w = bytes_of_element(c);
  const std::int64_t t = c.parallel.tensor;
  const bool sharded = c.sequence_parallel();
  const std::int64_t whole = exact_product({m.seq_length, m.micro_batch_size, m.hidden_size, w});
  const std::int64_t shard = sharded ? exact_quotient(whole, t) : whole;
  return {.shard = shard,
          .whole = whole,
          .gathered = sharded ? whole : 0,
          .scattered = sharded ? shard : 0,
          .refetched = sharded && !c.parallel.keep_gathered ? whole : 0,
          .context = exact_quotient(whole, t),
          .ffn = exact_product(
              {m.seq_length, m.micro_batch_size, exact_quotient(m.ffn_hidden_size, t), w}),
          .scores = exact_product({m.micro_batch_size, exact_quotient(m.num_attention_heads, t),
                                   m.seq_length, m.seq_length, w})};
}

/// One sublayer forward: the gathered input, the partial sums, their scattered sum, and its result.
std::int64_t forward_moment(const Transients& x) {
  return exact_sum({x.gathered, x.whole, x.scattered, x.shard});
}

/// What both sublayers need backward: the gradient that arrives, the same behind dropout and
/// gathered, the input of the first product fetched again, that input's gradient as partial sums
/// and scattered, and the gradient behind the norm.
std::int64_t backward_moment(const Transients& x) {
  return exact_sum({exact_product({3, x.shard}), x.gathered, x.refetched, x.whole, x.scattered});
}

/// On top of it, the gradients of fc2's and of GELU's input, [s, b, ffn/t] each.
std::int64_t mlp_backward_moment(const Transients& x) {
  return exact_sum({backward_moment(x), exact_product({2, x.ffn})});
}

/// On top of it, the gradients of the context and of q, k, v, and the scores' as a workspace.
std::int64_t attention_backward_moment(const Transients& x) {
  return exact_sum({backward_moment(x), exact_product({4, x.context}), x.scores});
}

}  // namespace

std::int64_t parameters_per_layer(const config::Case& c) {
  const std::int64_t t = c.parallel.tensor;
  const std::int64_t h = c.model.hidden_size;
  const std::int64_t shard_h = exact_quotient(h, t);
  const std::int64_t shard_ffn = exact_quotient(c.model.ffn_hidden_size, t);
  const std::int64_t qkv = exact_product({3, shard_h, exact_sum({h, 1})});
  const std::int64_t proj = exact_sum({exact_product({h, shard_h}), h});
  const std::int64_t fc1 = exact_product({shard_ffn, exact_sum({h, 1})});
  const std::int64_t fc2 = exact_sum({exact_product({h, shard_ffn}), h});
  const std::int64_t norms = exact_product({4, h});
  return exact_sum({qkv, proj, fc1, fc2, norms});
}

std::int64_t parameter_bytes(const config::Case& c) {
  return exact_product({parameters_per_layer(c), c.model.num_layers, bytes_of_element(c)});
}

std::int64_t gradient_bytes(const config::Case& c) { return parameter_bytes(c); }

// Counted as though all that the backward pass of one sublayer makes lived until its end. An
// implementation that frees earlier, or writes a gradient over the one it came from, stays below.
// The ends of the stack are its input, its output and the gradient that enters at the top.
std::int64_t transient_upper_bound_bytes(const config::Case& c) {
  const Transients x = transients_of(c);
  const std::int64_t moment =
      std::max({forward_moment(x), mlp_backward_moment(x), attention_backward_moment(x)});
  return exact_sum({moment, exact_product({3, x.shard})});
}

std::int64_t peak_upper_bound_bytes(const config::Case& c) {
  const std::int64_t layer =
      exact_sum({saved_bytes_per_layer(c), norm_statistics_bytes_per_layer(c)});
  return exact_sum({exact_product({c.model.num_layers, layer}), transient_upper_bound_bytes(c)});
}

}  // namespace tidemark::theory
