#include "config/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "config/message.hpp"
#include "config/schema.hpp"

namespace tidemark::config {

namespace {

using Factors = std::initializer_list<std::int64_t>;

/// Product of positive factors; nothing where it leaves 64 bits.
std::optional<std::int64_t> checked_product(Factors factors) {
  std::int64_t product = 1;
  for (const std::int64_t factor : factors) {
    if (__builtin_mul_overflow(product, factor, &product)) return std::nullopt;
  }
  return product;
}

/// The same for a message, where the leading digits will do if the value is too long.
std::string show_product(Factors factors) {
  if (const auto exact = checked_product(factors)) return fmt::format("{}", *exact);
  double approximate = 1.0;
  for (const std::int64_t factor : factors) approximate *= static_cast<double>(factor);
  return fmt::format("about {:.2e}", approximate);
}

[[noreturn]] void refuse_key(const Case& c, const std::string& key, std::string_view what) {
  refuse(c.locate(key), key, what);
}

/// An upper limit on products, with its reason in the words of the message.
struct Limit {
  std::int64_t highest;
  std::string_view reason;
};

constexpr Limit matrix_dimension{max_size, "the largest matrix dimension of BLAS (2^31 - 1)"};
constexpr Limit collective_count{max_size, "the largest count of an MPI collective (2^31 - 1)"};
// A step sums up a few dozen tensors and a handful of products: with these two limits on each, no
// sum of theirs can leave 64 bits; weights with gradients and optimizer count at most ninefold.
constexpr Limit tensor_bytes{std::int64_t{1} << 56, "64 PiB"};
constexpr Limit operations{std::int64_t{1} << 60, "2^60 operations a step"};

void require_at_most(const Case& c, const Limit& limit, const std::string& key,
                     std::string_view formula, Factors factors) {
  const auto product = checked_product(factors);
  if (product && *product <= limit.highest) return;
  refuse_key(c, key,
             fmt::format("{} = {} is over {}", formula, show_product(factors), limit.reason));
}

void validate_heads(const Case& c) {
  const ModelConfig& m = c.model;
  if (m.hidden_size % m.num_attention_heads != 0) {
    refuse_key(c, "model.hidden_size",
               fmt::format("{} is not divisible by num_attention_heads {}", m.hidden_size,
                           m.num_attention_heads));
  }
  if (m.num_query_groups != m.num_attention_heads) {
    refuse_key(c, "model.num_query_groups",
               fmt::format("{} differs from num_attention_heads {}; in family gpt they are equal",
                           m.num_query_groups, m.num_attention_heads));
  }
}

/// t is what users vary, so an indivisible size is reported where t is set.
void validate_tensor_size(const Case& c) {
  const std::int64_t t = c.parallel.tensor;
  const auto require_divides = [&](std::int64_t size, std::string_view name, std::string_view why) {
    if (size % t == 0) return;
    refuse_key(c, "parallel.tensor", fmt::format("{} does not divide {} {}{}", t, name, size, why));
  };
  require_divides(c.model.num_attention_heads, "num_attention_heads", "");
  // Asked for without SP too, so that a sweep over parallel.sequence stands or falls as a whole.
  require_divides(c.model.seq_length, "seq_length",
                  c.parallel.sequence ? "" : " (required without parallel.sequence, too)");
  require_divides(c.model.ffn_hidden_size, "ffn_hidden_size", "");
}

/// Either setting may be the one that a sweep or an option added, so the line locates both.
[[noreturn]] void refuse_recompute(const Case& c, const std::string& other, std::string_view value,
                                   std::string_view why) {
  refuse_key(c, "recompute",
             fmt::format("{} contradicts {}: {} ({}), {}", c.recompute, other, value,
                         c.locate(other), why));
}

void validate_choices(const Case& c) {
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
  if (c.bench.max_iterations < c.bench.iterations) {
    refuse_key(
        c, "bench.max_iterations",
        fmt::format("{} is less than iterations {}", c.bench.max_iterations, c.bench.iterations));
  }
}

/// What BLAS and MPI take in one call. Sizes stand unsharded: one rank verifies without shards.
void validate_dimensions(const Case& c) {
  const std::int64_t s = c.model.seq_length;
  const std::int64_t b = c.model.micro_batch_size;
  const std::int64_t h = c.model.hidden_size;
  const bool own_ffn = c.is_given("model.ffn_hidden_size");
  require_at_most(c, matrix_dimension, "model.hidden_size", "3 x hidden_size", {3, h});
  require_at_most(c, matrix_dimension, own_ffn ? "model.ffn_hidden_size" : "model.hidden_size",
                  own_ffn ? "ffn_hidden_size" : "4 x hidden_size", {c.model.ffn_hidden_size});
  require_at_most(c, matrix_dimension, "model.seq_length", "seq_length x micro_batch_size", {s, b});
  // Attention reads one head's queries out of [s, b, 3h], b x 3h elements from token to token.
  require_at_most(c, matrix_dimension, "model.micro_batch_size",
                  "micro_batch_size x 3 x hidden_size", {b, 3, h});
  require_at_most(c, collective_count, "model.seq_length",
                  "seq_length x micro_batch_size x hidden_size", {s, b, h});
  if (!c.sequence_parallel()) return;
  // One all-reduce sums up the gradients of what SP replicates: norms and row-parallel biases.
  const std::int64_t rows = 6 * c.model.num_layers + (c.model.has_ends() ? 2 : 0);
  require_at_most(
      c, collective_count, "model.num_layers",
      c.model.has_ends() ? "(6 x num_layers + 2) x hidden_size" : "6 x num_layers x hidden_size",
      {rows, h});
}

void validate_bytes(const Case& c) {
  const std::int64_t s = c.model.seq_length;
  const std::int64_t b = c.model.micro_batch_size;
  const std::int64_t h = c.model.hidden_size;
  const std::int64_t ffn = c.model.ffn_hidden_size;
  const std::int64_t a = c.model.num_attention_heads;
  const std::int64_t layers = c.model.num_layers;
  const auto w = static_cast<std::int64_t>(c.element_bytes());
  const auto require_bytes = [&](const std::string& key, std::string_view formula, std::int64_t x,
                                 std::int64_t y, std::int64_t z, std::int64_t u) {
    require_at_most(c, tensor_bytes, key,
                    fmt::format("{} x {} bytes x {} layers", formula, w, layers),
                    {x, y, z, u, w, layers});
  };
  require_bytes("model.seq_length", "seq_length x micro_batch_size x 3 x hidden_size", s, b, 3, h);
  require_bytes("model.seq_length", "seq_length x micro_batch_size x ffn_hidden_size", s, b, ffn,
                1);
  if (!c.model.is_blocked()) {
    require_bytes("model.seq_length", "num_attention_heads x micro_batch_size x seq_length^2", a, b,
                  s, s);
  }
  require_bytes("model.hidden_size", "3 x hidden_size^2", 3, h, h, 1);
  require_bytes("model.hidden_size", "hidden_size x ffn_hidden_size", h, ffn, 1, 1);
}

/// Six operations an element pair and layer: two forward, four backward.
void validate_operations(const Case& c) {
  const std::int64_t s = c.model.seq_length;
  const std::int64_t h = c.model.hidden_size;
  const std::int64_t tokens = s * c.model.micro_batch_size;  // fits: checked as a dimension
  const std::int64_t layers = c.model.num_layers;
  require_at_most(c, operations, "model.hidden_size", "6 x layers x tokens x 4 x hidden_size^2",
                  {6, layers, tokens, 4, h, h});
  require_at_most(c, operations, "model.hidden_size",
                  "6 x layers x tokens x 2 x hidden_size x ffn_hidden_size",
                  {6, layers, tokens, 2, h, c.model.ffn_hidden_size});
  require_at_most(c, operations, "model.seq_length",
                  "6 x layers x tokens x 2 x seq_length x hidden_size",
                  {6, layers, tokens, 2, s, h});
}

/// The last rank owns the last V'/t ids. Were all of them padding, it would have no logit at all.
void validate_vocabulary(const Case& c) {
  const std::int64_t vocabulary = c.model.vocab_size;
  const std::int64_t t = c.parallel.tensor;
  if (vocabulary == 1) {
    refuse_key(c, "model.vocab_size",
               "1 is out of range, expected 0 (no ends) or at least 2: the loss over a single "
               "token is always 0");
  }
  const std::int64_t ids = c.padded_vocab_size() / t;
  if (ids * (t - 1) < vocabulary) return;
  refuse_key(c, "parallel.tensor",
             fmt::format("{} is too many for vocab_size {}: with {} on each, the last rank would "
                         "own nothing but padding",
                         t, vocabulary, ids));
}

/// Embedding, output projection and loss, by the limits of the layers; V' is the padded vocabulary.
void validate_ends(const Case& c) {
  if (!c.model.has_ends()) return;
  validate_vocabulary(c);
  const std::string key = "model.vocab_size";
  const std::int64_t padded = c.padded_vocab_size();
  const std::int64_t h = c.model.hidden_size;
  const std::int64_t tokens = c.model.tokens();  // fits: checked as a dimension
  const auto w = static_cast<std::int64_t>(c.element_bytes());
  const auto logit_bytes = static_cast<std::int64_t>(c.accumulation_bytes());
  require_at_most(c, matrix_dimension, key, "vocab_size padded to a multiple of tensor", {padded});
  // The loss gathers three numbers a token from every rank.
  require_at_most(c, collective_count, "model.seq_length",
                  "3 x seq_length x micro_batch_size x tensor", {3, tokens, c.parallel.tensor});
  require_at_most(c, tensor_bytes, key,
                  fmt::format("hidden_size x padded vocab_size x {} bytes", w), {h, padded, w});
  require_at_most(c, tensor_bytes, key,
                  fmt::format("tokens x padded vocab_size x {} bytes", logit_bytes),
                  {tokens, padded, logit_bytes});
  require_at_most(c, operations, key, "6 x tokens x hidden_size x padded vocab_size",
                  {6, tokens, h, padded});
}

}  // namespace

void resolve_defaults(Case& c) {
  // At most 2^33, since hidden_size is at most max_size; validate() judges it.
  if (!c.is_given("model.ffn_hidden_size")) c.model.ffn_hidden_size = 4 * c.model.hidden_size;
  if (!c.is_given("model.num_query_groups")) {
    c.model.num_query_groups = c.model.num_attention_heads;
  }
  if (!c.is_given("bench.max_iterations")) {
    c.bench.max_iterations = std::max(c.bench.max_iterations, c.bench.iterations);
  }
}

void validate(const Case& c) {
  validate_heads(c);
  validate_tensor_size(c);
  validate_choices(c);
  validate_dimensions(c);
  validate_bytes(c);
  validate_operations(c);
  validate_ends(c);
}

}  // namespace tidemark::config
