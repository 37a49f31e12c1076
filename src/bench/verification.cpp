#include "bench/verification.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <memory>
#include <utility>

#include "bench/device_buffers.hpp"
#include "bench/host_tensor.hpp"
#include "bench/step.hpp"
#include "comm/factory.hpp"
#include "kernels/check.hpp"

namespace tidemark::bench {

namespace {

/// The tensors of one computation that are compared, by name, each with its rows' places in the
/// whole.
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

/// The check that a tensor belongs to.
std::string group_of(const std::string& name, bool has_ends) {
  if (name == "output") return "twin_output";
  // The gradient of the output is drawn, or with ends the loss's.
  if (name == "loss" || (name == "output_grad" && has_ends)) return "twin_loss";
  if (name == "input" || name == "output_grad") return "twin_random_tensors";
  if (name == "input_grad") return "twin_input_gradient";
  if (name == "embedding" || name == "embedding_grad") return "twin_embedding";
  return "twin_parameter_gradients";
}

template <class T>
std::vector<Check> check_twin_in(const config::Case& c, Device& device,
                                 comm::Communicator& communicator) {
  const config::Case sharded = twin_of(c);
  config::Case whole = sharded;
  whole.parallel = {};
  whole.recompute = "none";
  const auto alone = comm::make_self_communicator(buffers_of(device));
  const Outcome<T> expected = compute<T>(whole, device, *alone);
  const Outcome<T> actual = compute<T>(sharded, device, communicator);

  struct Worst {
    double value = 0.0;
    std::string where;
  };
  std::map<std::string, Worst> groups;
  for (const auto& [name, item] : actual.items) {
    const std::string group = group_of(name, c.model.has_ends());
    HostTensor<Accumulate<T>> whole_tensor = expected.items.at(name).tensor;
    // One rank needs no padding of the vocabulary; the gradient of the others' padding is zero.
    if (name == "embedding.weight.grad" || name == "output_projection.weight.grad") {
      add_zero_rows(whole_tensor, sharded.padded_vocab_size());
    }
    const double error = relative_error(item.tensor, whole_tensor, item.placement);
    Worst& worst = groups[group];
    if (error >= worst.value) {
      worst = {error, name};
    }
  }
  std::vector<Check> checks;
  for (const auto& [group, worst] : groups) {
    checks.push_back(
        worst_over_ranks({group, worst.value, tolerance_of(c), worst.where}, communicator));
  }
  return checks;
}

/// Collects what the two checks of the full case need, while its step runs.
class FullCaseChecks {
 public:
  explicit FullCaseChecks(const parallel::Context& context) : context_(context) {}

  /// Looks for elements that are not finite.
  template <class U>
  void count(const std::string& name, const Vector<U>& tensor) {
    const std::int64_t bad = kernels::count_not_finite(context_.device, tensor);
    if (bad > 0 && not_finite_ == 0) {
      first_bad_ = name;
    }
    not_finite_ += bad;
  }

  /// The loss must be finite, too, and the same on all ranks.
  void add_loss(double loss) {
    if (!std::isfinite(loss)) {
      if (not_finite_ == 0) first_bad_ = "loss";
      ++not_finite_;
    }
    replicas_.push_back({"loss", std::bit_cast<std::uint64_t>(loss), context_.ranks()});
  }

  /// Notes a tensor that must be the same on all ranks.
  template <class U>
  void compare(const std::string& name, const Vector<U>& tensor) {
    compare(name, tensor, context_.ranks());
  }
  /// Notes a tensor that must be the same on `holders` consecutive ranks, this one among them.
  template <class U>
  void compare(const std::string& name, const Vector<U>& tensor, std::int64_t holders) {
    replicas_.push_back({name, kernels::digest(context_.device, tensor), holders});
  }

  std::vector<Check> finish() {
    std::array<double, 1> total{static_cast<double>(not_finite_)};
    context_.communicator.sum_over_ranks(total);
    Check finite =
        worst_over_ranks({"not_finite_elements", static_cast<double>(not_finite_), 0.0, first_bad_},
                         context_.communicator);
    finite.value = total[0];
    return {finite, compare_digests()};
  }

 private:
  Check compare_digests() const {
    std::string own;
    for (const Replica& replica : replicas_) {
      own.append(reinterpret_cast<const char*>(&replica.digest), sizeof(replica.digest));
    }
    const std::vector<std::string> all = context_.communicator.gather_bytes(own);
    Check check{"replicas_that_differ", 0.0, 0.0, ""};
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      const auto holders = static_cast<std::size_t>(replicas_[i].holders);
      const auto digest_of = [&](std::size_t rank) {
        return all[rank].substr(i * sizeof(std::uint64_t), sizeof(std::uint64_t));
      };
      bool equal = true;
      for (std::size_t rank = 0; rank < all.size(); ++rank) {
        equal = equal && digest_of(rank) == digest_of(rank / holders * holders);
      }
      if (!equal) {
        check.value += 1.0;
        check.where += check.where.empty() ? replicas_[i].name : ", " + replicas_[i].name;
      }
    }
    return check;
  }

  struct Replica {
    std::string name;
    std::uint64_t digest;
    std::int64_t holders;  ///< consecutive ranks
  };

  const parallel::Context& context_;
  std::int64_t not_finite_ = 0;
  std::string first_bad_;
  std::vector<Replica> replicas_;
};

}  // namespace

bool Verification::passed() const {
  return performed() && std::all_of(checks.begin(), checks.end(),
                                    [](const Check& check) { return check.passed(); });
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

config::Case twin_of(const config::Case& c) {
  config::Case twin = c;
  const config::ModelConfig& m = c.model;
  const std::int64_t ranks = c.parallel.tensor;
  // Every rank computes all of it alone, too, and scores grow with the cube of t: less for many
  // ranks.
  const bool many = ranks > 8;
  const auto few = [](std::int64_t count) { return std::min<std::int64_t>(2, count); };
  // In bf16 every layer adds rounding that is no error, and in TF32 every product does; the bounds
  // leave room for one layer.
  const bool rounds = c.precision == DType::bf16 || c.tensor_float;
  twin.model.num_layers = rounds ? 1 : few(m.num_layers);
  // Groups of queries have several heads, and ranks several groups or groups several ranks, where
  // they do in the case.
  if (c.key_value_replicas() > 1) {
    twin.model.num_attention_heads = ranks * (many ? 1 : few(m.num_attention_heads / ranks));
  } else {
    twin.model.num_query_groups = ranks * (many ? 1 : few(m.num_query_groups / ranks));
    twin.model.num_attention_heads =
        twin.model.num_query_groups * few(m.num_attention_heads / m.num_query_groups);
  }
  // Such rounding shows far above its unit where a norm has few elements to go by.
  std::int64_t head_size = 8;
  while (rounds && twin.model.num_attention_heads * head_size < 256) {
    head_size *= 2;
  }
  twin.model.hidden_size = twin.model.num_attention_heads * head_size;
  twin.model.ffn_hidden_size = twin.model.hidden_size * (m.is_llama() ? 3 : 4);
  // Rows of 9 t scores: whole blocks of random words, and for most t a rest.
  twin.model.seq_length = (many ? 2 : 9) * ranks;
  // Three blocks, the last of them of one or two positions.
  twin.model.attention_block = (twin.model.seq_length - 1) / 2;
  // Several tiles a product, the last of them narrower.
  twin.overlap.tile_rows = 5;
  twin.overlap.least_rows = 2;
  // Padded to a multiple of t, but for t = 1.
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

template <class T>
std::vector<Check> check_full_case(model::Stack<T>& stack) {
  const parallel::Context& context = stack.context();
  FullCaseChecks checks(context);
  run_step<T>(stack, [&](std::string_view name, const Matrix<T>& tensor) {
    checks.count(std::string(name), as_vector(tensor));
    if (!context.sequence) {
      checks.compare(std::string(name), as_vector(tensor));
    }
  });
  if (stack.loss()) checks.add_loss(*stack.loss());
  checks.count("parameter gradients", stack.store().gradients());
  checks.compare("replicated parameters' gradients", stack.store().replicated_gradients());
  for (const parallel::Parameter<T>& parameter : stack.store().parameters()) {
    parameter.spec.for_each_segment([&](const kernels::RowSegment& segment, std::int64_t first) {
      if (segment.replicas == 1) return;
      checks.compare(parameter.spec.name + "'s shared rows' gradient",
                     as_vector(rows(parameter.gradient, first, segment.rows)), segment.replicas);
    });
  }
  return checks.finish();
}

template std::vector<Check> check_full_case(model::Stack<bfloat16>&);
template std::vector<Check> check_full_case(model::Stack<float>&);
template std::vector<Check> check_full_case(model::Stack<double>&);

}  // namespace tidemark::bench
