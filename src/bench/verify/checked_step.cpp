// SPDX-License-Identifier: BSD-3-Clause
#include "bench/verify/checked_step.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "bench/kernel_buffers.hpp"
#include "bench/step/step.hpp"
#include "comm/rank_zero.hpp"
#include "comm/wrappers/checking.hpp"
#include "kernels/check.hpp"
#include "kernels/check_product.hpp"

namespace tidemark::bench {

namespace {

/// Collects the inputs of two checks of the full case while its step runs.
class FullCaseChecks {
 public:
  explicit FullCaseChecks(const parallel::Context& context) : context_(context) {}

  /// Counts elements that are not finite.
  template <class U>
  void count(const std::string& name, const Vector<U>& tensor) {
    const std::int64_t bad = kernels::count_not_finite(context_.device, tensor);
    if (bad > 0 && not_finite_ == 0) {
      first_bad_ = name;
    }
    not_finite_ += bad;
  }

  /// The loss must also be finite, and equal on all ranks.
  void add_loss(double loss) {
    if (!std::isfinite(loss)) {
      if (not_finite_ == 0) first_bad_ = "loss";
      ++not_finite_;
    }
    replicas_.push_back({"loss", std::bit_cast<std::uint64_t>(loss), context_.ranks()});
  }

  /// Notes a tensor that must be equal on all ranks.
  template <class U>
  void compare(const std::string& name, const Vector<U>& tensor) {
    compare(name, tensor, context_.ranks());
  }
  /// Notes a tensor that must be equal on `holders` consecutive ranks, including this one.
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
  [[nodiscard]] Check compare_digests() const {
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
    std::int64_t holders;  ///< number of consecutive ranks
  };

  const parallel::Context& context_;
  std::int64_t not_finite_ = 0;
  std::string first_bad_;
  std::vector<Replica> replicas_;
};

/// A seed that differs between runs and is equal on all ranks.
std::uint64_t drawn_seed(comm::Communicator& communicator) {
  const std::string text = comm::from_rank_zero(communicator, [] {
    std::random_device random;
    return fmt::format("{}", (std::uint64_t{random()} << 32) | random());
  });
  return std::stoull(text);
}

/// Switches the checks of products on during its lifetime.
class CheckedProducts {
 public:
  CheckedProducts(Device& device, std::uint64_t seed) : device_(device), check_(seed) {
    device_.product_check = &check_;
  }
  ~CheckedProducts() { device_.product_check = nullptr; }
  CheckedProducts(const CheckedProducts&) = delete;
  CheckedProducts& operator=(const CheckedProducts&) = delete;

  [[nodiscard]] const kernels::ProductFindings& findings() const { return check_.findings(); }

 private:
  Device& device_;
  kernels::ProductCheck check_;
};

void add_communication_checks(std::vector<Check>& checks,
                              const comm::CommunicationFindings& findings) {
  checks.push_back({"parts_against_digests", static_cast<double>(findings.parts_differ), 0.0,
                    findings.first_part});
  std::string where = findings.worst_call;
  if (findings.compared < findings.summed) {
    where += fmt::format("{}{} of {} elements compared", where.empty() ? "" : "; ",
                         findings.compared, findings.summed);
  }
  checks.push_back({"sums_against_contributions", findings.worst_sum, 1.0, where});
  checks.push_back({"calls_never_waited_for", static_cast<double>(findings.never_waited), 0.0,
                    findings.first_never_waited});
}

}  // namespace

template <class T>
CheckedStep run_checked_step(model::Stack<T>& stack) {
  const parallel::Context context = stack.context();
  comm::Communicator& communicator = context.communicator;
  const std::uint64_t seed = drawn_seed(communicator);
  comm::CheckingCommunicator checking(communicator, buffer_functions_on(context.device), seed);
  CheckedProducts products(context.device, seed);
  FullCaseChecks checks(context);
  CheckedStep result;
  fill_free_memory_with_nan(context.device, context.ledger);
  stack.run_with(context.device, checking, context.schedule);
  run_step<T>(
      stack,
      [&](std::string_view name, const Matrix<T>& tensor) {
        checks.count(std::string(name), as_vector(tensor));
        if (!context.sequence) checks.compare(std::string(name), as_vector(tensor));
      },
      nullptr, &result.digest);
  stack.run_with(context.device, communicator, context.schedule);

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
  result.checks = checks.finish();
  add_communication_checks(result.checks, checking.finish());
  result.checks.push_back(worst_over_ranks(
      {"products_by_freivalds", products.findings().worst, 1.0, products.findings().where},
      communicator));
  return result;
}

void fill_free_memory_with_nan(const Device& device, const memory::Ledger& ledger) {
  ledger.for_each_free(
      [&](void* block, std::size_t bytes) { kernels::fill_with_nan(device, block, bytes); });
}

template CheckedStep run_checked_step(model::Stack<bfloat16>&);
template CheckedStep run_checked_step(model::Stack<float>&);
template CheckedStep run_checked_step(model::Stack<double>&);

}  // namespace tidemark::bench
