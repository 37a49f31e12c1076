// SPDX-License-Identifier: BSD-3-Clause
#include "config/schema.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "config/message.hpp"
#include "config/preset.hpp"

namespace tidemark::config {

namespace {

constexpr IntegerRange sizes{1, max_size};
constexpr IntegerRange vocabularies{0, max_size};
/// With more chunks than rows, some would be empty, and each chunk takes its own call.
constexpr IntegerRange chunk_counts{0, 4096};
constexpr IntegerRange warm_up_counts{0, max_size};
constexpr RealRange probabilities{0.0, true, 1.0, false};
constexpr RealRange timeouts{0.0, false, 1e9, true};
constexpr RealRange durations{0.0, true, 86400.0, true};
constexpr RealRange link_figures{0.0, true, 1e9, true};
constexpr RealRange rotary_bases{1.0, true, 1e9, true};

/// A row whose field is a member of Case: `field` maps a Case& to a reference to that member.
template <class Field>
Setting row(std::string name, Type type, std::string fallback, std::string meaning, Field field) {
  Setting setting{
      std::move(name), std::move(type), false, std::move(fallback), std::move(meaning), {}, {}};
  setting.set = [field](Case& c, const Value& value) {
    auto& target = field(c);
    target = std::get<std::remove_reference_t<decltype(target)>>(value);
  };
  setting.get = [field](const Case& c) { return Value(field(c)); };
  return setting;
}

/// A row whose field is an enumeration with words.
template <class Field>
Setting choice_row(std::string name, std::string meaning, Field field) {
  using E = std::remove_reference_t<decltype(field(std::declval<Case&>()))>;
  std::vector<std::string> words;
  for (const auto& [value, word] : Words<E>::all) words.emplace_back(word);
  Setting setting{std::move(name), Choice{std::move(words)}, false, "", std::move(meaning), {}, {}};
  setting.set = [field](Case& c, const Value& value) {
    field(c) = from_word<E>(std::get<std::string>(value)).value();
  };
  setting.get = [field](const Case& c) { return Value(std::string(word_of(field(c)))); };
  return setting;
}

/// A row of a key that every case must have.
template <class Field>
Setting required_row(std::string name, std::string meaning, Field field) {
  Setting setting = row(std::move(name), sizes, "required", std::move(meaning), field);
  setting.required = true;
  return setting;
}

constexpr std::array precisions = {DType::fp32, DType::fp64, DType::bf16};
constexpr std::string_view tensor_float = "tf32";  // fp32 except for the products

std::vector<std::string> precision_words() {
  std::vector<std::string> words;
  for (const DType dtype : precisions) words.emplace_back(name_of(dtype));
  words.emplace_back(tensor_float);
  return words;
}

DType precision_of(std::string_view word) {
  if (word == tensor_float) return DType::fp32;
  for (const DType dtype : precisions) {
    if (name_of(dtype) == word) return dtype;
  }
  throw RunError(fmt::format("'{}' is no precision", word));
}

/// `precision` is the only key whose members differ in type from the value that is read and
/// recorded.
Setting precision_row() {
  Setting setting{"precision",
                  Choice{precision_words()},
                  false,
                  "",
                  "element type of activations and weights; with bf16, sums, statistics, logits "
                  "and the gradients of parameters are fp32; tf32 is fp32 with products on tensor "
                  "cores, which round their operands to 10 bits: on CUDA only",
                  {},
                  {}};
  setting.set = [](Case& c, const Value& value) {
    const auto& word = std::get<std::string>(value);
    c.precision = precision_of(word);
    c.tensor_float = word == tensor_float;
  };
  setting.get = [](const Case& c) { return Value(std::string(c.precision_name())); };
  return setting;
}

// Each lambda names a member once, for writing and for reading.
#define TIDEMARK_FIELD(member) \
  [](auto& c) -> auto& { return c.member; }

void add_model_rows(std::vector<Setting>& rows) {
  rows.push_back(row("model.preset", Choice{preset_words()}, "",
                     "published model whose shape stands for the keys of this section that are "
                     "not given; tidemark plan --list-presets shows them",
                     TIDEMARK_FIELD(model.preset)));
  rows.push_back(
      choice_row("model.family",
                 "kind of transformer layer: LayerNorm, GELU, biases and dropout; or RMSNorm, "
                 "SwiGLU, grouped queries and rotary positions",
                 TIDEMARK_FIELD(model.family)));
  rows.push_back(
      required_row("model.num_layers", "layers in the stack, L", TIDEMARK_FIELD(model.num_layers)));
  rows.push_back(required_row("model.hidden_size", "features of a token, h; a multiple of a",
                              TIDEMARK_FIELD(model.hidden_size)));
  rows.push_back(row("model.ffn_hidden_size", sizes, "4 x hidden_size; required in family llama",
                     "features inside the MLP, ffn; a multiple of t",
                     TIDEMARK_FIELD(model.ffn_hidden_size)));
  rows.push_back(required_row("model.num_attention_heads", "attention heads, a; a multiple of t",
                              TIDEMARK_FIELD(model.num_attention_heads)));
  rows.push_back(row("model.num_query_groups", sizes, "num_attention_heads",
                     "heads of keys and values, g, each shared by a/g heads of queries: a divisor "
                     "of a, and a divisor or a multiple of t; equal to a in family gpt",
                     TIDEMARK_FIELD(model.num_query_groups)));
  rows.push_back(row("model.rope_theta", rotary_bases, "",
                     "base of the frequencies of rotary positions; family llama only",
                     TIDEMARK_FIELD(model.rope_theta)));
  rows.push_back(required_row("model.seq_length", "tokens in a sequence, s; a multiple of t",
                              TIDEMARK_FIELD(model.seq_length)));
  rows.push_back(row("model.micro_batch_size", sizes, "", "sequences in a step, b",
                     TIDEMARK_FIELD(model.micro_batch_size)));
  rows.push_back(row("model.vocab_size", vocabularies, "0: no ends",
                     "vocabulary, V, at least 2 and padded to a multiple of t; with it the stack "
                     "has its two ends: embedding, final norm, output projection, loss",
                     TIDEMARK_FIELD(model.vocab_size)));
  rows.push_back(row("model.hidden_dropout", probabilities, "0.1; 0 in family llama",
                     "dropout probability before each residual addition and behind the embedding",
                     TIDEMARK_FIELD(model.hidden_dropout)));
  rows.push_back(row("model.attention_dropout", probabilities, "0.1; 0 in family llama",
                     "dropout probability behind the softmax",
                     TIDEMARK_FIELD(model.attention_dropout)));
  rows.push_back(row("model.causal", Boolean{}, "", "each token attends to earlier tokens only",
                     TIDEMARK_FIELD(model.causal)));
  rows.push_back(
      choice_row("model.attention",
                 "how attention is computed: with whole s x s matrices in memory, or block by "
                 "block without them",
                 TIDEMARK_FIELD(model.attention)));
}

void add_parallel_rows(std::vector<Setting>& rows) {
  rows.push_back(row("parallel.tensor", sizes, "",
                     "tensor-parallel size, t; as many MPI ranks as this",
                     TIDEMARK_FIELD(parallel.tensor)));
  rows.push_back(row("parallel.sequence", Boolean{}, "",
                     "sequence parallelism on top of tensor parallelism",
                     TIDEMARK_FIELD(parallel.sequence)));
  rows.push_back(row("parallel.keep_gathered", Boolean{}, "",
                     "under sequence parallelism, save the gathered inputs of qkv and fc1 instead "
                     "of gathering them again",
                     TIDEMARK_FIELD(parallel.keep_gathered)));
  rows.push_back(
      choice_row("recompute",
                 "what is computed again in backward instead of being saved: nothing, the "
                 "attention core, or whole layers",
                 TIDEMARK_FIELD(recompute)));
  rows.push_back(
      choice_row("overlap.mode",
                 "how communication is hidden behind the matrix products: not at all; behind "
                 "products that do not depend on it; also behind those that do, taken apart; "
                 "or by whichever of these is fastest here",
                 TIDEMARK_FIELD(overlap.mode)));
  rows.push_back(
      choice_row("overlap.progress",
                 "who drives the communication meanwhile: the rank itself between tiles of a "
                 "product, a thread of its own, or nobody (the network does it)",
                 TIDEMARK_FIELD(overlap.progress)));
  rows.push_back(
      row("overlap.chunks", chunk_counts, "0: up to 4, of 512 rows at least",
          "chunks of rows that ring cuts a product into, or under SP the product of a shard",
          TIDEMARK_FIELD(overlap.chunks)));
  rows.push_back(
      choice_row("comm.backend",
                 "library that carries the collectives; auto: NCCL where the tensors are on "
                 "CUDA devices and this build has it, else MPI",
                 TIDEMARK_FIELD(comm.backend)));
  rows.push_back(
      choice_row("comm.algorithm",
                 "algorithm of MPI's collectives: the library's own, one of ours, or whichever "
                 "is fastest for the operation and size",
                 TIDEMARK_FIELD(comm.algorithm)));
  rows.push_back(choice_row(
      "comm.messages",
      "messages of own algorithms and of ring, beside products or between nodes: whole, in pieces "
      "of 60 KiB, or whichever is faster; MPI in host memory only",
      TIDEMARK_FIELD(comm.messages)));
  rows.push_back(row("comm.register_buffers", Boolean{}, "",
                     "activations lie in memory of NCCL's that is registered with it, so that it "
                     "moves them without copies of its own; NCCL only",
                     TIDEMARK_FIELD(comm.register_buffers)));
  rows.push_back(row("emulated_link.latency_us", link_figures, "",
                     "what-if: microseconds that a collective takes at least",
                     TIDEMARK_FIELD(emulated_link.latency_us)));
  rows.push_back(row("emulated_link.bandwidth_gbytes_per_s", link_figures, "0: as it is",
                     "what-if: bandwidth of a link that collectives are no faster than, 1 GB = 1e9 "
                     "bytes, each way",
                     TIDEMARK_FIELD(emulated_link.bandwidth_gbytes_per_s)));
}

void add_bench_rows(std::vector<Setting>& rows) {
  rows.push_back(
      row("bench.warmup", warm_up_counts, "",
          "steps before the clock starts, the checked one of bench.verify among them; one at "
          "least is not checked, since the first step sets up memory and algorithms",
          TIDEMARK_FIELD(bench.warmup)));
  rows.push_back(
      row("bench.iterations", sizes, "", "timed steps", TIDEMARK_FIELD(bench.iterations)));
  rows.push_back(row("bench.max_iterations", sizes, "40, or iterations where that is more",
                     "most timed steps where it takes more to resolve the overlap efficiency; "
                     "without effect where overlap.mode is none",
                     TIDEMARK_FIELD(bench.max_iterations)));
  rows.push_back(row("bench.min_warmup_seconds", durations, "",
                     "warm-up steps go on, beyond warmup, until so many seconds have passed on the "
                     "slowest rank",
                     TIDEMARK_FIELD(bench.min_warmup_seconds)));
  rows.push_back(row("bench.min_seconds", durations, "",
                     "timed steps go on, beyond iterations and max_iterations, until together they "
                     "have taken so many seconds",
                     TIDEMARK_FIELD(bench.min_seconds)));
  rows.push_back(row("bench.seed", IntegerRange{0, 4294967295}, "",
                     "seed of weights, inputs and dropout masks", TIDEMARK_FIELD(bench.seed)));
  rows.push_back(row("bench.verify", Boolean{}, "",
                     "compare a small twin of each case with the unsharded computation",
                     TIDEMARK_FIELD(bench.verify)));
  rows.push_back(row("bench.timeout_s", timeouts, "",
                     "seconds after which a collective counts as failed",
                     TIDEMARK_FIELD(bench.timeout_s)));
}

std::vector<Setting> build_settings() {
  std::vector<Setting> rows;
  rows.push_back(row("name", Text{}, "", "label of the results", TIDEMARK_FIELD(name)));
  add_model_rows(rows);
  rows.push_back(precision_row());
  rows.push_back(
      choice_row("products",
                 "library that forms the matrix products; auto: cuBLAS on CUDA devices; on a host "
                 "oneDNN for bf16 where the processor has instructions for it, else whichever of "
                 "oneDNN and Kokkos Kernels with a BLAS is faster; fp64 by Kokkos Kernels",
                 TIDEMARK_FIELD(products)));
  add_parallel_rows(rows);
  add_bench_rows(rows);
  return rows;
}

#undef TIDEMARK_FIELD

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> rows = build_settings();
  return rows;
}

}  // namespace tidemark::config
