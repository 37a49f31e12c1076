// SPDX-License-Identifier: BSD-3-Clause
// Small cases that the tests share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/case.hpp"
#include "support/sharding.hpp"
#include "support/words.hpp"

namespace tidemark::support {

/// Two GPT layers with dropout, small enough to run in milliseconds. t up to 4 divides every size.
/// The rows of scores (12) hold whole blocks of random words, but the heads' width (6) does not.
/// The blocks of blocked attention (5) leave a shorter one of 2.
inline config::Case small_case(std::int64_t t, bool sequence, DType precision = DType::fp64) {
  config::Case c;
  c.model.num_layers = 2;
  c.model.seq_length = 12;
  c.model.micro_batch_size = 3;
  c.model.hidden_size = 24;
  c.model.ffn_hidden_size = 96;
  c.model.num_attention_heads = 4;
  c.model.num_query_groups = 4;
  c.model.attention_block = 5;
  c.precision = precision;
  c.parallel.tensor = t;
  c.parallel.sequence = sequence;
  return c;
}

/// The small case in the Llama family, without dropout. It has eight heads of queries. With fewer
/// groups than 4 ranks, some ranks hold the same keys and values. The MLP is not 4 h wide.
inline config::Case small_llama(std::int64_t t, bool sequence, DType precision = DType::fp64,
                                std::int64_t groups = 4) {
  config::Case c = small_case(t, sequence, precision);
  c.model.family = config::Family::llama;
  c.model.hidden_size = 32;
  c.model.ffn_hidden_size = 60;
  c.model.num_attention_heads = 8;
  c.model.num_query_groups = groups;
  c.model.hidden_dropout = 0.0;
  c.model.attention_dropout = 0.0;
  return c;
}

/// Number of parameters of a case.
inline std::size_t parameters_of(const config::Case& c) {
  const std::size_t of_layer = c.model.is_llama() ? 6 : 12;
  return of_layer * static_cast<std::size_t>(c.model.num_layers) + (c.model.has_ends() ? 3U : 0U);
}

/// A vocabulary that neither 2 nor 4 ranks can divide without padding.
inline constexpr std::int64_t odd_vocabulary = 29;

inline config::Case with_ends(config::Case c, std::int64_t vocabulary = odd_vocabulary) {
  c.model.vocab_size = vocabulary;
  return c;
}
inline config::Case recomputing(config::Case c, const std::string& what) {
  support::set_word(c.recompute, what);
  return c;
}
inline config::Case blocked(config::Case c) {
  c.model.attention = config::Attention::blocked;
  return c;
}
inline config::Case with_dropouts(config::Case c, double hidden, double attention) {
  c.model.hidden_dropout = hidden;
  c.model.attention_dropout = attention;
  return c;
}

/// What distinguishes a variant from the others, for the trace of a failure.
inline std::string describe(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  return std::string(word_of(m.family)) + ", g " + std::to_string(m.num_query_groups) + ", " +
         std::string(name_of(c.precision)) + ", t " + std::to_string(c.parallel.tensor) +
         (c.parallel.sequence ? ", SP" : "") + (c.parallel.keep_gathered ? ", keep" : "") +
         ", overlap " + std::string(word_of(c.overlap.mode)) + ", recompute " +
         std::string(word_of(c.recompute)) + ", " + std::string(word_of(m.attention)) +
         (m.causal ? ", causal" : "") + ", V " + std::to_string(m.vocab_size) + ", ffn " +
         std::to_string(m.ffn_hidden_size) + ", L " + std::to_string(m.num_layers) + ", dropouts " +
         std::to_string(m.hidden_dropout) + " and " + std::to_string(m.attention_dropout);
}

/// Sizes other than those of the small case: three layers, a narrow MLP, no causal mask.
inline config::Case other_sizes(config::Case c) {
  c.model.num_layers = 3;
  c.model.ffn_hidden_size = 20;
  c.model.causal = false;
  return c;
}

/// A case with every combination of recomputation, attention and ends that is allowed.
inline std::vector<config::Case> modes_of(const config::Case& c) {
  std::vector<config::Case> cases{
      recomputing(c, "selective"),
      recomputing(with_ends(other_sizes(with_dropouts(c, 0.3, 0.0))), "selective"),
      blocked(c),
      blocked(other_sizes(with_dropouts(c, 0.0, 0.3))),
      with_ends(c),
      with_ends(blocked(with_dropouts(c, 0.0, 0.0)), 32),
  };
  // Full recomputation keeps no gathered inputs.
  if (!c.parallel.keep_gathered) {
    cases.push_back(recomputing(c, "full"));
    cases.push_back(recomputing(with_ends(blocked(other_sizes(c))), "full"));
    cases.push_back(recomputing(with_ends(with_dropouts(c, 0.0, 0.1)), "full"));
  }
  return cases;
}

/// A case whose collectives run concurrently with its products. These are formed by tiles and
/// chunks, whose last ones are shorter.
inline config::Case overlapping(config::Case c, const std::string& mode) {
  support::set_word(c.overlap.mode, mode);
  c.overlap.chunks = 5;
  c.overlap.tile_rows = 7;
  c.overlap.least_rows = 2;
  return c;
}

/// The small case of the Llama family in every mode, and with several numbers of groups.
inline std::vector<config::Case> llama_variants(std::int64_t t, bool sequence, bool keep_gathered,
                                                DType precision) {
  config::Case c = small_llama(t, sequence, precision);
  c.parallel.keep_gathered = keep_gathered;
  std::vector<config::Case> cases{c};
  for (const config::Case& mode : modes_of(c)) cases.push_back(with_dropouts(mode, 0.0, 0.0));
  for (const std::int64_t groups : {1, 2, 8}) {
    c.model.num_query_groups = groups;
    cases.push_back(c);
    cases.push_back(with_ends(blocked(other_sizes(c))));
  }
  return cases;
}

/// The small cases of both families, with every sharding that t ranks can have, with other sizes
/// and dropouts, and in every mode. Each of them also runs with overlap.
inline std::vector<config::Case> variants(std::int64_t t, DType precision) {
  std::vector<config::Case> cases;
  for (const support::Sharding sharding : support::all_shardings) {
    config::Case c = small_case(t, is_sequence(sharding), precision);
    c.parallel.keep_gathered = keeps_gathered(sharding);
    cases.push_back(c);
    cases.push_back(with_dropouts(c, 0.0, 0.1));
    cases.push_back(with_dropouts(c, 0.0, 0.0));
    cases.push_back(other_sizes(with_dropouts(c, 0.3, 0.0)));
    const std::vector<config::Case> modes = modes_of(c);
    cases.insert(cases.end(), modes.begin(), modes.end());
    const std::vector<config::Case> llama =
        llama_variants(t, c.parallel.sequence, c.parallel.keep_gathered, precision);
    cases.insert(cases.end(), llama.begin(), llama.end());
  }
  const std::size_t plain = cases.size();
  for (std::size_t i = 0; i < plain && t > 1; ++i) {
    cases.push_back(overlapping(cases[i], i % 3 == 0 ? "bulk" : "ring"));
  }
  return cases;
}

/// The largest relative error (max norm) between two computations of a small case. In bf16 three
/// layers round one after another. Norms over 24 features magnify the rounding of one of them. 0.04
/// has been seen, but a wider and shallower twin stays within 0.02.
inline double small_case_bound(DType precision) {
  return precision == DType::bf16 ? 8e-2 : precision == DType::fp32 ? 1e-5 : 1e-12;
}

}  // namespace tidemark::support
