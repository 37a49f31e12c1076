// SPDX-License-Identifier: BSD-3-Clause
#include "bench/verify/verification.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "bench/kernel_buffers.hpp"
#include "bench/step/step.hpp"
#include "bench/verify/host_tensor.hpp"
#include "comm/factory.hpp"

namespace tidemark::bench {

namespace {

/// The tensors of one computation that are compared, by name. Each has the places of its rows in
/// the whole tensor.
template <class T>
struct Outcome {
  struct Item {
    HostTensor<Accumulate<T>> tensor;
    kernels::Placement placement;
  };
  std::map<std::string, Item> items;

  void add(const std::string& name, HostTensor<Accumulate<T>> tensor,
           const kernels::Placement& placement) {
    Item& item = items[name];
    item.tensor = std::move(tensor);
    item.placement = placement;
  }
};

template <class T>
Outcome<T> compute(const config::Case& c, Device& device, comm::Communicator& communicator) {
  memory::Pool pool(segments_of(c, communicator));
  memory::Ledger ledger(pool);
  model::Stack<T> stack(c, device, ledger, communicator);
  Outcome<T> outcome;
  const parallel::Context& context = stack.context();
  const kernels::Placement own_rows{
      {context.local_tokens(), {context.first_token(), 0, c.model.hidden_size}}};
  run_step<T>(stack, [&](std::string_view name, const Matrix<T>& tensor) {
    outcome.add(std::string(name), copy_to_host(device, tensor), own_rows);
  });
  if (stack.loss()) {
    outcome.add("loss", {1, 1, {static_cast<Accumulate<T>>(*stack.loss())}}, {{1, {0, 0, 1}}});
  }
  for (const parallel::Parameter<T>& parameter : stack.store().parameters()) {
    outcome.add(parameter.spec.name + ".grad", copy_to_host(device, parameter.gradient),
                parameter.spec.placement);
  }
  return outcome;
}

template <class F>
void add_zero_rows(HostTensor<F>& tensor, std::int64_t rows) {
  tensor.rows = rows;
  tensor.values.resize(static_cast<std::size_t>(rows * tensor.columns), F(0));
}

/// The name of the check that covers a tensor.
std::string group_of(const std::string& name, bool has_ends) {
  if (name == "output") return "twin_output";
  // The gradient of the output is random without ends, and that of the loss with ends.
  if (name == "loss" || (name == "output_grad" && has_ends)) return "twin_loss";
  if (name == "input" || name == "output_grad") return "twin_random_tensors";
  if (name == "input_grad") return "twin_input_gradient";
  if (name == "embedding" || name == "embedding_grad") return "twin_embedding";
  return "twin_parameter_gradients";
}

/// Widened exactly.
template <class F>
HostTensor<double> in_fp64(const HostTensor<F>& tensor) {
  return {tensor.rows, tensor.columns, {tensor.values.begin(), tensor.values.end()}};
}

/// The worst errors, by check, and the tensors that have them.
class Errors {
 public:
  explicit Errors(const config::Case& sharded) : sharded_(sharded) {}

  /// Compares this rank's tensors with the whole ones. The check is `check`, or that of group_of if
  /// it is empty.
  template <class T, class U>
  void add(const Outcome<T>& actual, const Outcome<U>& expected, const std::string& check = "") {
    for (const auto& [name, item] : actual.items) {
      HostTensor<double> whole = in_fp64(expected.items.at(name).tensor);
      // One rank has no padding of the vocabulary. The gradient of the padding is zero on other
      // ranks.
      if (name == "embedding.weight.grad" || name == "output_projection.weight.grad") {
        add_zero_rows(whole, sharded_.padded_vocab_size());
      }
      const double error = relative_error(in_fp64(item.tensor), whole, item.placement);
      Worst& worst = groups_[check.empty() ? group_of(name, sharded_.model.has_ends()) : check];
      if (error >= worst.value) worst = {error, name};
    }
  }

  [[nodiscard]] std::vector<Check> checks(comm::Communicator& communicator) const {
    std::vector<Check> checks;
    for (const auto& [group, worst] : groups_) {
      const bool is_against_fp64 = group == twin_against_fp64;
      const double bound =
          is_against_fp64 ? tolerance_against_fp64(sharded_) : tolerance_of(sharded_);
      checks.push_back(worst_over_ranks({group, worst.value, bound, worst.where}, communicator));
    }
    return checks;
  }

  static constexpr const char* twin_against_fp64 = "twin_against_fp64";

 private:
  struct Worst {
    double value = 0.0;
    std::string where;
  };
  const config::Case& sharded_;
  std::map<std::string, Worst> groups_;
};

/// The algorithms of the full case's calls, if the communicator chose among several.
std::vector<std::optional<comm::Algorithm>> algorithms_of(const comm::Communicator& communicator) {
  std::vector<std::optional<comm::Algorithm>> algorithms;
  for (const comm::AlgorithmChoice& choice : communicator.choices()) {
    if (std::find(algorithms.begin(), algorithms.end(), choice.algorithm) == algorithms.end()) {
      algorithms.emplace_back(choice.algorithm);
    }
  }
  if (algorithms.empty()) algorithms.emplace_back(std::nullopt);
  return algorithms;
}

template <class T>
std::vector<Check> check_twin_in(const config::Case& c, Device& device,
                                 comm::Communicator& communicator) {
  const config::Case sharded = twin_of(c);
  config::Case whole = sharded;
  whole.parallel = {};
  whole.recompute = config::Recompute::none;
  config::Case precise = whole;
  precise.precision = DType::fp64;
  precise.tensor_float = false;
  const auto alone = comm::make_self_communicator(buffers_of(device));
  const Outcome<T> expected = compute<T>(whole, device, *alone);
  const bool rounds = device.rounds_to_tf32;
  device.rounds_to_tf32 = false;
  const Outcome<double> exact = compute<double>(precise, device, *alone);
  device.rounds_to_tf32 = rounds;
  Errors errors(sharded);
  for (const std::optional<comm::Algorithm> algorithm : algorithms_of(communicator)) {
    communicator.use_algorithm(algorithm);
    const Outcome<T> actual = compute<T>(sharded, device, communicator);
    communicator.use_algorithm(std::nullopt);
    errors.add(actual, expected);
    errors.add(actual, exact, Errors::twin_against_fp64);
  }
  return errors.checks(communicator);
}

}  // namespace

bool Verification::passed() const {
  return performed() && std::all_of(checks.begin(), checks.end(),
                                    [](const Check& check) { return check.passed(); });
}

void append(std::vector<Check>& checks, std::vector<Check> more) {
  std::move(more.begin(), more.end(), std::back_inserter(checks));
}

Check worst_over_ranks(Check check, comm::Communicator& communicator) {
  std::array<double, 1> worst{check.value};
  communicator.max_over_ranks(worst);
  const std::vector<std::string> candidates =
      communicator.gather_bytes(check.value == worst[0] ? check.where : std::string());
  const auto named = std::find_if(candidates.begin(), candidates.end(),
                                  [](const std::string& text) { return !text.empty(); });
  check.value = worst[0];
  check.where = named == candidates.end() ? "" : *named;
  return check;
}

double tolerance_of(const config::Case& c) {
  if (c.tensor_float) return 5e-3;
  switch (c.precision) {
    case DType::fp64:
      return 1e-12;
    case DType::fp32:
      return 1e-5;
    case DType::bf16:
      return 2e-2;
  }
  return 0.0;
}

double tolerance_against_fp64(const config::Case& c) {
  if (c.tensor_float) return 2e-2;
  return c.precision == DType::bf16 ? 5e-2 : tolerance_of(c);
}

config::Case twin_of(const config::Case& c) {
  config::Case twin = c;
  const config::ModelConfig& m = c.model;
  const std::int64_t ranks = c.parallel.tensor;
  // Every rank computes the whole twin alone, too, and the number of scores grows with the cube of
  // t. So the twin is smaller for many ranks.
  const bool many = ranks > 8;
  const auto few = [](std::int64_t count) { return std::min<std::int64_t>(2, count); };
  // In bf16 every layer adds legitimate rounding, and in TF32 every product does. The bounds leave
  // room for one layer.
  const bool rounds = c.precision == DType::bf16 || c.tensor_float;
  twin.model.num_layers = rounds ? 1 : few(m.num_layers);
  // As in the case, groups of queries have several heads. Also as in the case, ranks have several
  // groups, or groups have several ranks.
  if (c.key_value_replicas() > 1) {
    twin.model.num_attention_heads = ranks * (many ? 1 : few(m.num_attention_heads / ranks));
  } else {
    twin.model.num_query_groups = ranks * (many ? 1 : few(m.num_query_groups / ranks));
    twin.model.num_attention_heads =
        twin.model.num_query_groups * few(m.num_attention_heads / m.num_query_groups);
  }
  // If a norm has few elements, such rounding exceeds its unit by far.
  std::int64_t head_size = 8;
  while (rounds && twin.model.num_attention_heads * head_size < 256) {
    head_size *= 2;
  }
  twin.model.hidden_size = twin.model.num_attention_heads * head_size;
  twin.model.ffn_hidden_size = twin.model.hidden_size * (m.is_llama() ? 3 : 4);
  // Rows of 9 t scores: whole blocks of random words, and for most t an incomplete block.
  twin.model.seq_length = (many ? 2 : 9) * ranks;
  // Three blocks, of which the last has one or two positions.
  twin.model.attention_block = (twin.model.seq_length - 1) / 2;
  // Several tiles per product, of which the last is narrower.
  twin.overlap.tile_rows = 5;
  twin.overlap.least_rows = 2;
  // Padded to a multiple of t, except for t = 1.
  if (m.has_ends()) twin.model.vocab_size = 11 * ranks - 1;
  twin.model.micro_batch_size = few(m.micro_batch_size);
  return twin;
}

std::vector<Check> check_twin(const config::Case& c, Device& device,
                              comm::Communicator& communicator) {
  return with_scalar_of(c.precision, [&](auto scalar) {
    return check_twin_in<decltype(scalar)>(c, device, communicator);
  });
}

}  // namespace tidemark::bench
