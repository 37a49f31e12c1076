// SPDX-License-Identifier: BSD-3-Clause
// One benchmark case: every setting resolved, nothing left to look up.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/dtype.hpp"
#include "base/link.hpp"
#include "base/pieces.hpp"
#include "config/choices.hpp"

namespace tidemark::config {

/// Shape of the transformer stack; symbols in brackets are those of docs/definitions/model.md.
struct ModelConfig {
  std::string preset = "none";  ///< whose shape stands where the input gives none (preset.hpp)
  Family family = Family::gpt;
  std::int64_t num_layers = 1;           ///< L
  std::int64_t hidden_size = 0;          ///< h, required
  std::int64_t ffn_hidden_size = 0;      ///< 4 h unless given; to be given for llama
  std::int64_t num_attention_heads = 0;  ///< a, required
  std::int64_t num_query_groups = 0;     ///< g; a unless given, and for gpt only a is accepted
  double rope_theta = 10000.0;           ///< base of the rotary frequencies, family llama only
  std::int64_t seq_length = 0;           ///< s, required
  std::int64_t micro_batch_size = 1;     ///< b
  std::int64_t vocab_size = 0;           ///< V; 0: a stack without ends
  double hidden_dropout = 0.1;           ///< 0 for llama, which has none
  double attention_dropout = 0.1;        ///< likewise
  bool causal = true;
  Attention attention = Attention::materialized;
  /// Positions in a block of blocked attention; no setting: small cases of verification cut it.
  std::int64_t attention_block = 512;

  [[nodiscard]] std::int64_t head_size() const { return hidden_size / num_attention_heads; }  ///< d
  [[nodiscard]] std::int64_t tokens() const { return seq_length * micro_batch_size; }  ///< s b
  /// Embedding, final norm, output projection and loss are part of the stack.
  [[nodiscard]] bool has_ends() const { return vocab_size > 0; }
  [[nodiscard]] bool is_blocked() const { return attention == Attention::blocked; }
  /// RMSNorm, SwiGLU, grouped queries and rotary positions; else the GPT family's layer.
  [[nodiscard]] bool is_llama() const { return family == Family::llama; }
};

struct ParallelConfig {
  std::int64_t tensor = 1;  ///< t, the tensor-parallel size: one rank each
  bool sequence = false;    ///< sequence parallelism (SP) on top of TP
  /// Under SP: save the gathered inputs of qkv and fc1, not their shards.
  bool keep_gathered = false;
};

struct OverlapConfig {
  OverlapMode mode = OverlapMode::none;
  Progress progress = Progress::poll;
  std::int64_t chunks = 0;  ///< 0: by the rows there are
  /// Rows of a product between two polls, at least; no setting: small cases of verification cut it.
  std::int64_t tile_rows = 512;
  /// Fewest rows of a chunk whose number is not set; likewise.
  std::int64_t least_rows = 512;

  [[nodiscard]] Cut cut() const { return {chunks, least_rows}; }

  [[nodiscard]] bool is_auto() const { return mode == OverlapMode::automatic; }
};

struct CommConfig {
  Backend backend = Backend::automatic;
  Algorithm algorithm = Algorithm::automatic;
  bool register_buffers = false;  ///< activations lie in memory registered with NCCL

  /// Whether MPI's messages carry the collectives, by an algorithm of our own.
  [[nodiscard]] bool asks_for_own_algorithm() const {
    return algorithm == Algorithm::pairwise || algorithm == Algorithm::ring;
  }
};

struct BenchConfig {
  std::int64_t warmup = 2;
  std::int64_t iterations = 10;
  std::int64_t max_iterations = 40;
  double min_warmup_seconds = 0.0;  ///< warm-up steps go on until so long has passed
  double min_seconds = 0.0;         ///< timed steps go on until their sum is so long
  std::int64_t seed = 1234;
  bool verify = true;
  double timeout_s = 300.0;
};

struct Case {
  std::string name = "unnamed";
  ModelConfig model;
  DType precision = DType::fp32;
  bool tensor_float =
      false;  ///< of fp32: products round their operands to TF32 (`precision: tf32`)
  Recompute recompute = Recompute::none;
  ParallelConfig parallel;
  OverlapConfig overlap;
  CommConfig comm;
  LinkModel emulated_link;  ///< what-if: a link that collectives are no faster than
  BenchConfig bench;

  std::size_t index = 0;  ///< position in the sweep, from 0
  /// The swept settings of this case, (key, value) in the sweep's order (empty without a sweep).
  std::vector<std::pair<std::string, std::string>> swept;
  /// Where each setting that was given stands in the input, by key: `FILE:LINE:COL` or
  /// `--set KEY=VALUE`. Sections stand under their names, the top of the file under "".
  std::map<std::string, std::string> locations;
  /// Keys that have their value from `model.preset`; they are located where that is given.
  std::set<std::string> from_preset;

  /// Where to send a user who must change `key`: the setting itself, else the section it belongs
  /// in, else the top of the file. The text that begins an InputError's line.
  [[nodiscard]] std::string locate(const std::string& key) const;
  /// True where the input sets `key`, itself or by a preset; false where it has its default.
  [[nodiscard]] bool is_given(const std::string& key) const { return locations.contains(key); }

  /// As the key `precision` has it.
  [[nodiscard]] std::string_view precision_name() const {
    return tensor_float ? "tf32" : name_of(precision);
  }
  [[nodiscard]] std::size_t element_bytes() const { return size_of(precision); }  ///< w
  /// Bytes of a parameter gradient, a logit, a norm's or a softmax's statistic: 4 in bf16, too.
  [[nodiscard]] std::size_t accumulation_bytes() const {
    return size_of(accumulation_of(precision));
  }
  /// V', the vocabulary padded to a multiple of t.
  [[nodiscard]] std::int64_t padded_vocab_size() const {
    const std::int64_t t = parallel.tensor;
    return (model.vocab_size / t + (model.vocab_size % t > 0 ? 1 : 0)) * t;
  }
  /// Heads of keys and values that one rank holds: g/t, and at least one.
  [[nodiscard]] std::int64_t key_value_heads_per_rank() const {
    return model.num_query_groups > parallel.tensor ? model.num_query_groups / parallel.tensor : 1;
  }
  /// Ranks that hold the same head of keys and values, consecutive ones: t/g, and at least one.
  [[nodiscard]] std::int64_t key_value_replicas() const {
    return parallel.tensor > model.num_query_groups ? parallel.tensor / model.num_query_groups : 1;
  }
  [[nodiscard]] bool recomputes_core() const { return recompute == Recompute::selective; }
  [[nodiscard]] bool recomputes_layer() const { return recompute == Recompute::full; }
  /// True where there is communication, and it is to be hidden.
  [[nodiscard]] bool overlaps() const {
    return overlap.mode != OverlapMode::none && parallel.tensor > 1;
  }
  /// True where sequence parallelism has something to shard.
  [[nodiscard]] bool sequence_parallel() const { return parallel.sequence && parallel.tensor > 1; }
};

}  // namespace tidemark::config
