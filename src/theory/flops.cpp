#include "theory/flops.hpp"

namespace tidemark::theory {

double forward_flops_per_layer(const config::Case& c) {
  const auto s = static_cast<double>(c.model.seq_length);
  const auto b = static_cast<double>(c.model.micro_batch_size);
  const auto h = static_cast<double>(c.model.hidden_size);
  const auto ffn = static_cast<double>(c.model.ffn_hidden_size);
  const double linear = 2.0 * s * b * h * (3.0 * h + h + 2.0 * ffn);
  const double attention = 4.0 * b * s * s * h;
  return linear + attention;
}

double backward_flops_per_layer(const config::Case& c) { return 2.0 * forward_flops_per_layer(c); }

double model_flops_per_step(const config::Case& c) {
  const auto layers = static_cast<double>(c.model.num_layers);
  return layers * (forward_flops_per_layer(c) + backward_flops_per_layer(c));
}

double rank_flops_per_step(const config::Case& c) {
  return model_flops_per_step(c) / static_cast<double>(c.parallel.tensor);
}

}  // namespace tidemark::theory
