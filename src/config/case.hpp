// SPDX-License-Identifier: BSD-3-Clause
// One benchmark case, with every setting resolved.
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
  std::string preset = "none";  ///< source of the keys that the input does not give (preset.hpp)
  Family family = Family::gpt;
  std::int64_t num_layers = 1;           ///< L
  std::int64_t hidden_size = 0;          ///< h, required
  std::int64_t ffn_hidden_size = 0;      ///< 4 h unless given; required for llama
  std::int64_t num_attention_heads = 0;  ///< a, required
  std::int64_t num_query_groups = 0;     ///< g; a unless given; gpt accepts only a
  double rope_theta = 10000.0;           ///< base of the rotary frequencies; family llama only
  std::int64_t seq_length = 0;           ///< s, required
  std::int64_t micro_batch_size = 1;     ///< b
  std::int64_t vocab_size = 0;           ///< V; 0: a stack without ends
  double hidden_dropout = 0.1;           ///< 0 for llama, which has no dropout
  double attention_dropout = 0.1;        ///< 0 for llama
  bool causal = true;
  Attention attention = Attention::materialized;
  /// Positions in a block of blocked attention. Not a setting: small cases of verification reduce
  /// it.
  std::int64_t attention_block = 512;

  [[nodiscard]] std::int64_t head_size() const { return hidden_size / num_attention_heads; }  ///< d
  [[nodiscard]] std::int64_t tokens() const { return seq_length * micro_batch_size; }  ///< s b
  /// True if embedding, final norm, output projection and loss are part of the stack.
  [[nodiscard]] bool has_ends() const { return vocab_size > 0; }
  [[nodiscard]] bool is_blocked() const { return attention == Attention::blocked; }
  /// Positions in a block of queries or keys. Attention skips blocks that the causal mask hides.
  /// Smaller blocks skip more, but their products are slower.
  [[nodiscard]] std::int64_t score_block() const {
    return is_blocked() || attention_block < 2 ? attention_block : attention_block / 2;
  }
  /// True: RMSNorm, SwiGLU, grouped queries and rotary positions. False: the layer of family gpt.
  [[nodiscard]] bool is_llama() const { return family == Family::llama; }
};

struct ParallelConfig {
  std::int64_t tensor = 1;  ///< t, the tensor-parallel size: the number of ranks
  bool sequence = false;    ///< sequence parallelism (SP) on top of TP
  /// Under SP: save the gathered inputs of qkv and fc1 instead of their shards.
  bool keep_gathered = false;
};

struct OverlapConfig {
  OverlapMode mode = OverlapMode::none;
  Progress progress = Progress::poll;
  std::int64_t chunks = 0;  ///< 0: chosen by the number of rows
  /// Least rows of a product between two polls. Not a setting: small cases of verification reduce
  /// it.
  std::int64_t tile_rows = 512;
  /// Least rows of a chunk if `chunks` is 0. Not a setting: small cases of verification reduce it.
  std::int64_t least_rows = 512;

  [[nodiscard]] Cut cut() const { return {chunks, least_rows}; }

  [[nodiscard]] bool is_auto() const { return mode == OverlapMode::automatic; }
};

struct CommConfig {
  Backend backend = Backend::automatic;
  Algorithm algorithm = Algorithm::automatic;
  Messages messages = Messages::automatic;
  bool register_buffers = false;  ///< activations are in memory registered with NCCL

  /// True if an own algorithm carries out the collectives with MPI's messages.
  [[nodiscard]] bool asks_for_own_algorithm() const {
    return algorithm != Algorithm::automatic && algorithm != Algorithm::native;
  }
};

struct BenchConfig {
  std::int64_t warmup = 2;
  std::int64_t iterations = 10;
  std::int64_t max_iterations = 40;
  double min_warmup_seconds = 0.0;  ///< warm-up steps continue until this time has passed
  double min_seconds = 0.0;         ///< timed steps continue until their sum is this long
  std::int64_t seed = 1234;
  bool verify = true;
  double timeout_s = 300.0;
};

struct Case {
  std::string name = "unnamed";
  ModelConfig model;
  DType precision = DType::fp32;
  bool tensor_float =
      false;  ///< with fp32: products round their operands to TF32 (`precision: tf32`)
  Products products = Products::automatic;  ///< the library that forms matrix products
  Recompute recompute = Recompute::none;
  ParallelConfig parallel;
  OverlapConfig overlap;
  CommConfig comm;
  LinkModel emulated_link;  ///< what-if: collectives are no faster than this link
  BenchConfig bench;

  std::size_t index = 0;  ///< position in the sweep, from 0
  /// The swept settings of this case, (key, value) in the order of the sweep; empty without a
  /// sweep.
  std::vector<std::pair<std::string, std::string>> swept;
  /// The location of each setting that was given, by key: `FILE:LINE:COL` or `--set KEY=VALUE`. The
  /// key of a section is its name, and "" is the key of the top of the file.
  std::map<std::string, std::string> locations;
  /// Keys that have their value from `model.preset`. Their location is that of `model.preset`.
  std::set<std::string> from_preset;

  /// The location to show a user who must change `key`. The first known one counts: that of the
  /// setting, of its section, or of the top of the file. An InputError's line begins with it.
  [[nodiscard]] std::string locate(const std::string& key) const;
  /// True if the input sets `key` directly or by a preset; false if `key` has its default.
  [[nodiscard]] bool is_given(const std::string& key) const { return locations.contains(key); }

  /// The word of the key `precision`.
  [[nodiscard]] std::string_view precision_name() const {
    return tensor_float ? "tf32" : name_of(precision);
  }
  [[nodiscard]] std::size_t element_bytes() const { return size_of(precision); }  ///< w
  /// Bytes of a parameter gradient, a logit, or a statistic of a norm or softmax; 4 also in bf16.
  [[nodiscard]] std::size_t accumulation_bytes() const {
    return size_of(accumulation_of(precision));
  }
  /// V', the vocabulary padded to a multiple of t.
  [[nodiscard]] std::int64_t padded_vocab_size() const {
    const std::int64_t t = parallel.tensor;
    return (model.vocab_size / t + (model.vocab_size % t > 0 ? 1 : 0)) * t;
  }
  /// Heads of keys and values that one rank holds: g/t, but at least one.
  [[nodiscard]] std::int64_t key_value_heads_per_rank() const {
    return model.num_query_groups > parallel.tensor ? model.num_query_groups / parallel.tensor : 1;
  }
  /// Number of consecutive ranks that hold the same head of keys and values: t/g, but at least one.
  [[nodiscard]] std::int64_t key_value_replicas() const {
    return parallel.tensor > model.num_query_groups ? parallel.tensor / model.num_query_groups : 1;
  }
  [[nodiscard]] bool recomputes_core() const { return recompute == Recompute::selective; }
  [[nodiscard]] bool recomputes_layer() const { return recompute == Recompute::full; }
  /// True if there is communication that the schedule should hide.
  [[nodiscard]] bool overlaps() const {
    return overlap.mode != OverlapMode::none && parallel.tensor > 1;
  }
  /// True if sequence parallelism has something to shard.
  [[nodiscard]] bool sequence_parallel() const { return parallel.sequence && parallel.tensor > 1; }
};

}  // namespace tidemark::config
