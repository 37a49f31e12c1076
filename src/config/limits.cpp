// SPDX-License-Identifier: BSD-3-Clause
#include "config/limits.hpp"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "config/message.hpp"
#include "config/schema.hpp"

namespace tidemark::config {

namespace {

using Factors = std::initializer_list<std::int64_t>;

/// Product of positive factors; nullopt if it does not fit in 64 bits.
std::optional<std::int64_t> checked_product(Factors factors) {
  std::int64_t product = 1;
  for (const std::int64_t factor : factors) {
    if (__builtin_mul_overflow(product, factor, &product)) return std::nullopt;
  }
  return product;
}

/// The same product for a message. If it does not fit, only its leading digits are shown.
std::string show_product(Factors factors) {
  if (const auto exact = checked_product(factors)) return fmt::format("{}", *exact);
  double approximate = 1.0;
  for (const std::int64_t factor : factors) approximate *= static_cast<double>(factor);
  return fmt::format("about {:.2e}", approximate);
}

/// An upper limit on products, with its reason in the words of the message.
struct Limit {
  std::int64_t highest;
  std::string_view reason;
};

constexpr Limit matrix_dimension{max_size, "the largest matrix dimension of BLAS (2^31 - 1)"};
// A step sums up a few dozen tensors and a handful of products. If each is within these two limits,
// no such sum exceeds 64 bits. Weights with gradients and optimizer count at most ninefold.
constexpr Limit tensor_bytes{std::int64_t{1} << 56, "64 PiB"};
constexpr Limit operations{std::int64_t{1} << 60, "2^60 operations per step"};

void require_at_most(const Case& c, const Limit& limit, const std::string& key,
                     std::string_view formula, Factors factors) {
  const auto product = checked_product(factors);
  if (product && *product <= limit.highest) return;
  refuse_key(c, key,
             fmt::format("{} = {} is over {}", formula, show_product(factors), limit.reason));
}

/// A number, and its formula for a message.
struct Term {
  std::int64_t value;
  std::string formula;
};

/// The terms of the limits in which the families differ. Sizes are unsharded. The values of
/// qkv_weight, attention and mlp lack a factor h that their formulas have.
struct LayerTerms {
  Term qkv;         ///< columns of qkv
  Term qkv_weight;  ///< qkv times h
  Term fc1;         ///< columns of fc1
  Term attention;   ///< operations per token of qkv and proj, divided by 2
  Term mlp;         ///< operations per token of fc1 and fc2, divided by 2
};

LayerTerms terms_of(const ModelConfig& m) {
  const std::int64_t h = m.hidden_size;
  const std::int64_t ffn = m.ffn_hidden_size;
  if (!m.is_llama()) {
    return {.qkv = {3 * h, "3 x hidden_size"},
            .qkv_weight = {3 * h, "3 x hidden_size^2"},
            .fc1 = {ffn, "ffn_hidden_size"},
            .attention = {4 * h, "4 x hidden_size^2"},
            .mlp = {2 * ffn, "2 x hidden_size x ffn_hidden_size"}};
  }
  const std::int64_t qkv = h + 2 * m.num_query_groups * m.head_size();
  const std::string formula = "(num_attention_heads + 2 x num_query_groups) x head size";
  return {.qkv = {qkv, formula},
          .qkv_weight = {qkv, formula + " x hidden_size"},
          .fc1 = {2 * ffn, "2 x ffn_hidden_size"},
          .attention = {qkv + h,
                        "2 x (num_attention_heads + num_query_groups) x head size x hidden_size"},
          .mlp = {3 * ffn, "3 x hidden_size x ffn_hidden_size"}};
}

/// What BLAS takes in one call. Collectives have no such limit in a dry run. Sizes are unsharded,
/// because verification computes on one rank without shards.
void validate_dimensions(const Case& c) {
  const std::int64_t s = c.model.seq_length;
  const std::int64_t b = c.model.micro_batch_size;
  const LayerTerms terms = terms_of(c.model);
  const bool own_ffn = c.is_given("model.ffn_hidden_size");
  require_at_most(c, matrix_dimension, "model.hidden_size", terms.qkv.formula, {terms.qkv.value});
  require_at_most(c, matrix_dimension, own_ffn ? "model.ffn_hidden_size" : "model.hidden_size",
                  own_ffn ? terms.fc1.formula : "4 x hidden_size", {terms.fc1.value});
  require_at_most(c, matrix_dimension, "model.seq_length", "seq_length x micro_batch_size", {s, b});
  // Attention reads the queries of one head from [s, b, qkv]. Successive tokens are b x qkv
  // elements apart.
  require_at_most(c, matrix_dimension, "model.micro_batch_size",
                  "micro_batch_size x " + terms.qkv.formula, {b, terms.qkv.value});
}

void validate_bytes(const Case& c) {
  const std::int64_t s = c.model.seq_length;
  const std::int64_t b = c.model.micro_batch_size;
  const std::int64_t h = c.model.hidden_size;
  const std::int64_t a = c.model.num_attention_heads;
  const std::int64_t layers = c.model.num_layers;
  const LayerTerms terms = terms_of(c.model);
  const auto w = static_cast<std::int64_t>(c.element_bytes());
  const auto require_bytes = [&](const std::string& key, std::string_view formula, std::int64_t x,
                                 std::int64_t y, std::int64_t z, std::int64_t u) {
    require_at_most(c, tensor_bytes, key,
                    fmt::format("{} x {} bytes x {} layers", formula, w, layers),
                    {x, y, z, u, w, layers});
  };
  const std::string tokens = "seq_length x micro_batch_size x ";
  require_bytes("model.seq_length", tokens + terms.qkv.formula, s, b, terms.qkv.value, 1);
  require_bytes("model.seq_length", tokens + terms.fc1.formula, s, b, terms.fc1.value, 1);
  if (!c.model.is_blocked()) {
    require_bytes("model.seq_length", "num_attention_heads x micro_batch_size x seq_length^2", a, b,
                  s, s);
  }
  require_bytes("model.hidden_size", terms.qkv_weight.formula, terms.qkv_weight.value, h, 1, 1);
  require_bytes("model.hidden_size", "hidden_size x " + terms.fc1.formula, h, terms.fc1.value, 1,
                1);
}

/// Six operations per element pair and layer: two forward, four backward.
void validate_operations(const Case& c) {
  const std::int64_t s = c.model.seq_length;
  const std::int64_t h = c.model.hidden_size;
  const std::int64_t tokens = s * c.model.micro_batch_size;  // fits: checked as a dimension
  const std::int64_t layers = c.model.num_layers;
  const LayerTerms terms = terms_of(c.model);
  const std::string step = "6 x layers x tokens x ";
  require_at_most(c, operations, "model.hidden_size", step + terms.attention.formula,
                  {6, layers, tokens, terms.attention.value, h});
  require_at_most(c, operations, "model.hidden_size", step + terms.mlp.formula,
                  {6, layers, tokens, terms.mlp.value, h});
  require_at_most(c, operations, "model.seq_length", step + "2 x seq_length x hidden_size",
                  {6, layers, tokens, 2, s, h});
}

/// The last rank owns the last V'/t ids. If all of them were padding, it would have no logit.
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

/// Embedding, output projection and loss, within the limits of the layers. V' is the padded
/// vocabulary.
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
  require_at_most(c, tensor_bytes, key,
                  fmt::format("hidden_size x padded vocab_size x {} bytes", w), {h, padded, w});
  require_at_most(c, tensor_bytes, key,
                  fmt::format("tokens x padded vocab_size x {} bytes", logit_bytes),
                  {tokens, padded, logit_bytes});
  require_at_most(c, operations, key, "6 x tokens x hidden_size x padded vocab_size",
                  {6, tokens, h, padded});
}

}  // namespace

void validate_limits(const Case& c) {
  validate_dimensions(c);
  validate_bytes(c);
  validate_operations(c);
  validate_ends(c);
}

}  // namespace tidemark::config
