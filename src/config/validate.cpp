// SPDX-License-Identifier: BSD-3-Clause
#include "config/validate.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "config/limits.hpp"
#include "config/message.hpp"

namespace tidemark::config {

namespace {

/// Rules for both families.
void validate_heads(const Case& c) {
  const ModelConfig& m = c.model;
  if (m.hidden_size % m.num_attention_heads != 0) {
    refuse_key(c, "model.hidden_size",
               fmt::format("{} is not divisible by num_attention_heads {}", m.hidden_size,
                           m.num_attention_heads));
  }
}

/// Refuses settings that have a meaning only in the other family. A preset's rope_theta is
/// accepted: `model.family` may override the family of the preset, and then rope_theta is not used.
void validate_gpt(const Case& c) {
  const ModelConfig& m = c.model;
  if (m.num_query_groups != m.num_attention_heads) {
    refuse_key(c, "model.num_query_groups",
               fmt::format("{} differs from num_attention_heads {}; in family gpt they are equal",
                           m.num_query_groups, m.num_attention_heads));
  }
  if (c.is_given("model.rope_theta") && !c.from_preset.contains("model.rope_theta")) {
    refuse_key(c, "model.rope_theta", "family gpt has no rotary positions; leave it out");
  }
}

void require_no_dropout(const Case& c, const std::string& key, double probability) {
  if (probability == 0.0) return;
  refuse_key(c, key,
             fmt::format("{} contradicts model.family: llama, which has no dropout; leave it out",
                         probability));
}

void validate_llama(const Case& c) {
  const ModelConfig& m = c.model;
  const std::int64_t a = m.num_attention_heads;
  const std::int64_t g = m.num_query_groups;
  if (!c.is_given("model.ffn_hidden_size")) {
    refuse_key(c, "model.ffn_hidden_size",
               "required key is missing: family llama has no usual multiple of hidden_size");
  }
  if (g > a) {
    refuse_key(c, "model.num_query_groups",
               fmt::format("{} is more than num_attention_heads {}", g, a));
  }
  if (a % g != 0) {
    refuse_key(c, "model.num_query_groups",
               fmt::format("{} does not divide num_attention_heads {}", g, a));
  }
  if (m.head_size() % 2 != 0) {
    refuse_key(c, "model.hidden_size",
               fmt::format("{} / num_attention_heads {} = {} features a head; rotary positions "
                           "turn pairs of them, so that their number must be even",
                           m.hidden_size, a, m.head_size()));
  }
  require_no_dropout(c, "model.hidden_dropout", m.hidden_dropout);
  require_no_dropout(c, "model.attention_dropout", m.attention_dropout);
}

/// Users vary t, so an indivisible size is reported at the location of t.
void validate_tensor_size(const Case& c) {
  const std::int64_t t = c.parallel.tensor;
  const auto require_divides = [&](std::int64_t size, std::string_view name, std::string_view why) {
    if (size % t == 0) return;
    refuse_key(c, "parallel.tensor", fmt::format("{} does not divide {} {}{}", t, name, size, why));
  };
  require_divides(c.model.num_attention_heads, "num_attention_heads", "");
  // Also required without SP, so that all cases of a sweep over parallel.sequence pass or fail
  // together.
  require_divides(c.model.seq_length, "seq_length",
                  c.parallel.sequence ? "" : " (required without parallel.sequence, too)");
  require_divides(c.model.ffn_hidden_size, "ffn_hidden_size", "");
  const std::int64_t g = c.model.num_query_groups;
  if (g % t == 0 || t % g == 0) return;
  refuse_key(c, "parallel.tensor",
             fmt::format("{} neither divides num_query_groups {} nor is a multiple of it, so that "
                         "ranks cannot share heads of keys and values evenly",
                         t, g));
}

/// A sweep or an option may have added either setting, so the line locates both.
[[noreturn]] void refuse_recompute(const Case& c, const std::string& other, std::string_view value,
                                   std::string_view why) {
  refuse_key(c, "recompute",
             fmt::format("{} contradicts {}: {} ({}), {}", word_of(c.recompute), other, value,
                         c.locate(other), why));
}

/// If a setting makes MPI carry the collectives of several ranks, no library registers the buffers.
void validate_registration(const Case& c) {
  if (!c.comm.register_buffers) return;
  const auto refuse = [&](const std::string& what) {
    refuse_key(c, "comm.register_buffers",
               fmt::format("true contradicts {}: MPI does not register buffers", what));
  };
  if (c.comm.backend == Backend::mpi) refuse("comm.backend: mpi");
  if (c.emulated_link.is_emulated()) refuse("emulated_link, which is for MPI");
  if (c.comm.asks_for_own_algorithm()) {
    refuse(fmt::format("comm.algorithm: {}, which is for MPI", word_of(c.comm.algorithm)));
  }
}

void validate_products(const Case& c) {
  if (c.products == Products::onednn && c.precision == DType::fp64) {
    refuse_key(c, "products", "onednn contradicts precision: fp64, which it does not multiply");
  }
  if (c.products != Products::automatic && c.products != Products::cublas && c.tensor_float) {
    refuse_key(c, "products",
               fmt::format("{} contradicts precision: tf32, which only cuBLAS multiplies",
                           word_of(c.products)));
  }
}

void validate_choices(const Case& c) {
  validate_products(c);
  if (c.parallel.keep_gathered && !c.parallel.sequence) {
    refuse_key(c, "parallel.keep_gathered", "true needs parallel.sequence: true");
  }
  if (c.parallel.keep_gathered && c.recomputes_layer()) {
    refuse_recompute(c, "parallel.keep_gathered", "true",
                     "since only the layers' own inputs are saved, and none of them is gathered");
  }
  if (c.model.is_blocked() && c.recomputes_core()) {
    refuse_recompute(c, "model.attention", "blocked",
                     "which saves no attention core that could be left to backward");
  }
  if (c.comm.backend == Backend::nccl && c.emulated_link.is_emulated()) {
    refuse_key(
        c, "comm.backend",
        "nccl contradicts emulated_link: its calls complete on the device, where nothing can "
        "hold them back");
  }
  if (c.comm.backend == Backend::nccl && c.comm.asks_for_own_algorithm()) {
    refuse_key(c, "comm.algorithm",
               fmt::format("{} is made of MPI's messages, and contradicts comm.backend: nccl",
                           word_of(c.comm.algorithm)));
  }
  validate_registration(c);
  if (c.bench.max_iterations < c.bench.iterations) {
    refuse_key(
        c, "bench.max_iterations",
        fmt::format("{} is less than iterations {}", c.bench.max_iterations, c.bench.iterations));
  }
}

}  // namespace

void resolve_defaults(Case& c) {
  if (c.model.is_llama()) {
    if (!c.is_given("model.hidden_dropout")) c.model.hidden_dropout = 0.0;
    if (!c.is_given("model.attention_dropout")) c.model.attention_dropout = 0.0;
  } else if (!c.is_given("model.ffn_hidden_size")) {
    // At most 2^33, because hidden_size is at most max_size. validate() checks it.
    c.model.ffn_hidden_size = 4 * c.model.hidden_size;
  }
  if (!c.is_given("model.num_query_groups")) {
    c.model.num_query_groups = c.model.num_attention_heads;
  }
  if (!c.is_given("bench.max_iterations")) {
    c.bench.max_iterations = std::max(c.bench.max_iterations, c.bench.iterations);
  }
}

void validate(const Case& c) {
  validate_heads(c);
  c.model.is_llama() ? validate_llama(c) : validate_gpt(c);
  validate_tensor_size(c);
  validate_choices(c);
  validate_limits(c);
}

}  // namespace tidemark::config
