#include "theory/activation.hpp"

#include <utility>

#include "theory/exact.hpp"

namespace tidemark::theory {

namespace {

/// Collects tensors, leaving out those that the case does not store.
class TensorList {
 public:
  void add(std::string name, bool stored, std::int64_t bytes, bool in_formula = true) {
    if (stored) tensors_.push_back({std::move(name), bytes, in_formula});
  }
  [[nodiscard]] std::vector<SavedTensor> take() { return std::move(tensors_); }

 private:
  std::vector<SavedTensor> tensors_;
};

std::int64_t sum_of(const std::vector<SavedTensor>& tensors, bool in_formula) {
  std::int64_t sum = 0;
  for (const SavedTensor& tensor : tensors) {
    if (tensor.in_formula == in_formula) sum = exact_sum({sum, tensor.bytes});
  }
  return sum;
}

}  // namespace

std::vector<SavedTensor> saved_tensors_per_layer(const config::Case& c,
                                                 std::int64_t element_bytes) {
  const config::ModelConfig& m = c.model;
  const std::int64_t w = element_bytes;
  const std::int64_t t = c.parallel.tensor;
  const std::int64_t b = m.micro_batch_size;
  const std::int64_t s = m.seq_length;
  const std::int64_t h = m.hidden_size;
  const std::int64_t shard_s = c.sequence_parallel() ? exact_quotient(s, t) : s;
  const std::int64_t input_s = c.parallel.keep_gathered ? s : shard_s;
  const std::int64_t shard_h = exact_quotient(h, t);
  const std::int64_t shard_a = exact_quotient(m.num_attention_heads, t);
  const std::int64_t shard_ffn = exact_quotient(m.ffn_hidden_size, t);

  const std::int64_t rows = exact_product({shard_s, b, h});           // [S, b, h]
  const std::int64_t input = exact_product({input_s, b, h, w});       // [S', b, h]
  const std::int64_t statistics = exact_product({shard_s, b, 2, w});  // [S, b, 2]
  const std::int64_t scores = exact_product({b, shard_a, s, s});      // [b, a/t, s, s]
  const std::int64_t ffn = exact_product({s, b, shard_ffn, w});       // [s, b, ffn/t]
  const std::int64_t context = exact_product({s, b, shard_h, w});     // [s, b, h/t]
  const bool hidden_drops = m.hidden_dropout > 0.0;
  const bool attention_drops = m.attention_dropout > 0.0;

  TensorList list;
  list.add("norm1 input", true, exact_product({rows, w}));
  list.add("norm1 statistics", true, statistics, false);
  list.add("qkv input", true, input);
  list.add("qkv", true, exact_product({3, context}));
  list.add("softmax output", true, exact_product({scores, w}));
  list.add("attention dropout mask", attention_drops, scores);
  list.add("attention dropout output", attention_drops, exact_product({scores, w}));
  list.add("proj input", true, context);
  list.add("hidden dropout mask 1", hidden_drops, rows);
  list.add("norm2 input", true, exact_product({rows, w}));
  list.add("norm2 statistics", true, statistics, false);
  list.add("fc1 input", true, input);
  list.add("gelu input", true, ffn);
  list.add("fc2 input", true, ffn);
  list.add("hidden dropout mask 2", hidden_drops, rows);
  return list.take();
}

std::int64_t saved_bytes_per_layer(const config::Case& c, std::int64_t element_bytes) {
  return sum_of(saved_tensors_per_layer(c, element_bytes), true);
}

std::int64_t norm_statistics_bytes_per_layer(const config::Case& c, std::int64_t element_bytes) {
  return sum_of(saved_tensors_per_layer(c, element_bytes), false);
}

std::optional<std::int64_t> paper_bytes_per_layer(const config::Case& c,
                                                  std::int64_t element_bytes) {
  const config::ModelConfig& m = c.model;
  const bool applies = exact_product({4, m.hidden_size}) == m.ffn_hidden_size &&
                       m.hidden_dropout > 0.0 && m.attention_dropout > 0.0;
  if (!applies) return std::nullopt;

  const std::int64_t w = element_bytes;
  const std::int64_t t = c.parallel.tensor;
  const std::int64_t sbh = exact_product({m.tokens(), m.hidden_size});
  // 5as/h · sbh of the paper, with w = 2: two tensors of w bytes and a mask of one.
  const std::int64_t square = exact_product(
      {2 * w + 1, m.num_attention_heads, m.seq_length, m.seq_length, m.micro_batch_size});

  // The linear terms that stay whole and those that are divided by t: with w = 2 they are 10 and 24
  // under TP, 0 and 34 under SP, 4 and 30 where SP keeps the gathered inputs of qkv and fc1.
  std::int64_t whole = 4 * w + 2;
  std::int64_t divided = 12 * w;
  if (c.sequence_parallel()) {
    const std::int64_t kept = c.parallel.keep_gathered ? 2 * w : 0;
    divided += whole - kept;
    whole = kept;
  }
  const std::int64_t shared = exact_sum({exact_product({sbh, divided}), square});
  return exact_sum({exact_product({sbh, whole}), exact_quotient(shared, t)});
}

std::vector<SavedTensor> saved_tensors_per_layer(const config::Case& c) {
  return saved_tensors_per_layer(c, static_cast<std::int64_t>(c.element_bytes()));
}

std::int64_t saved_bytes_per_layer(const config::Case& c) {
  return saved_bytes_per_layer(c, static_cast<std::int64_t>(c.element_bytes()));
}

std::int64_t norm_statistics_bytes_per_layer(const config::Case& c) {
  return norm_statistics_bytes_per_layer(c, static_cast<std::int64_t>(c.element_bytes()));
}

std::optional<std::int64_t> paper_bytes_per_layer(const config::Case& c) {
  return paper_bytes_per_layer(c, static_cast<std::int64_t>(c.element_bytes()));
}

}  // namespace tidemark::theory
