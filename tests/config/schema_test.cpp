// SPDX-License-Identifier: BSD-3-Clause
#include "config/schema.hpp"

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "config/refusal.hpp"

namespace tidemark::config {
namespace {

using testing::refusal;

const Setting& setting(const char* name) {
  const Setting* found = find_setting(name);
  if (found == nullptr) throw std::runtime_error(std::string("no setting ") + name);
  return *found;
}

std::string refused(const std::string& name, const std::string& value) {
  const Node node = parse_document("k: " + value, "f").items.at(0);
  return refusal([&] { return setting(name.c_str()).parse(node); });
}

TEST(Schema, NamesEveryKeyOnce) {
  std::set<std::string> names;
  for (const Setting& row : settings()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.meaning.empty()) << row.name;
    EXPECT_EQ(find_setting(row.name), &row);
  }
  const std::set<std::string> expected = {"name",
                                          "model.preset",
                                          "model.family",
                                          "model.num_layers",
                                          "model.hidden_size",
                                          "model.ffn_hidden_size",
                                          "model.num_attention_heads",
                                          "model.num_query_groups",
                                          "model.rope_theta",
                                          "model.seq_length",
                                          "model.micro_batch_size",
                                          "model.vocab_size",
                                          "model.hidden_dropout",
                                          "model.attention_dropout",
                                          "model.causal",
                                          "model.attention",
                                          "precision",
                                          "products",
                                          "parallel.tensor",
                                          "parallel.sequence",
                                          "parallel.keep_gathered",
                                          "recompute",
                                          "overlap.mode",
                                          "overlap.progress",
                                          "overlap.chunks",
                                          "comm.backend",
                                          "comm.algorithm",
                                          "comm.messages",
                                          "comm.register_buffers",
                                          "emulated_link.latency_us",
                                          "emulated_link.bandwidth_gbytes_per_s",
                                          "bench.warmup",
                                          "bench.iterations",
                                          "bench.max_iterations",
                                          "bench.min_warmup_seconds",
                                          "bench.min_seconds",
                                          "bench.seed",
                                          "bench.verify",
                                          "bench.timeout_s"};
  EXPECT_EQ(names, expected);
}

/// A value of the row's type that differs from that of a new Case, if there is another.
Value other_value(const Setting& row, const Value& present) {
  if (std::holds_alternative<bool>(present)) return !std::get<bool>(present);
  if (std::holds_alternative<std::int64_t>(present)) return std::get<std::int64_t>(present) + 1;
  if (std::holds_alternative<double>(present)) return std::get<double>(present) / 2;
  if (const auto* choice = std::get_if<Choice>(&row.type)) {
    for (const std::string& word : choice->words) {
      if (word != std::get<std::string>(present)) return word;
    }
    return present;
  }
  return std::get<std::string>(present) + "x";
}

TEST(Schema, EachRowSetsItsOwnMemberAlone) {
  const auto before = resolved_settings(Case{});
  for (std::size_t i = 0; i < settings().size(); ++i) {
    const Setting& row = settings()[i];
    Case c;
    const Value changed = other_value(row, row.get(c));
    row.set(c, changed);
    const auto after = resolved_settings(c);
    for (std::size_t j = 0; j < after.size(); ++j) {
      EXPECT_EQ(after[j].second, i == j ? changed : before[j].second)
          << "setting " << row.name << ", reading " << after[j].first;
    }
  }
}

TEST(Schema, DefaultsAreAcceptable) {
  const Case fresh;
  for (const Setting& row : settings()) {
    if (!row.fallback.empty()) continue;
    const Value value = row.get(fresh);
    const Node node = parse_document("k: " + format_value(value), "f").items.at(0);
    EXPECT_EQ(row.parse(node), value) << row.name;
  }
}

TEST(Schema, AcceptsOnlyWhatThisVersionImplements) {
  EXPECT_EQ(refused("precision", "fp16"),
            "f:1:4: precision: 'fp16' is not accepted, expected one of fp32, fp64, bf16, tf32");
  EXPECT_EQ(refused("precision", "FP32"),
            "f:1:4: precision: 'FP32' is not accepted, expected one of fp32, fp64, bf16, tf32");
  EXPECT_EQ(refused("model.family", "bert"),
            "f:1:4: model.family: 'bert' is not accepted, expected one of gpt, llama");
  EXPECT_EQ(refused("model.preset", "llama-3-9b"),
            "f:1:4: model.preset: 'llama-3-9b' is not accepted, expected one of none, gpt-345m, "
            "gpt-1.3b, gpt-22b, gpt-175b, gpt-530b, gpt-1t, llama-2-7b, llama-2-70b, llama-3-8b, "
            "llama-3-70b, llama-3-405b");
  EXPECT_EQ(refused("model.rope_theta", "0.5"),
            "f:1:4: model.rope_theta: 0.5 is out of range, expected 1 <= x <= 1000000000");
  EXPECT_EQ(refused("overlap.mode", "rings"),
            "f:1:4: overlap.mode: 'rings' is not accepted, expected one of none, bulk, ring, auto");
  EXPECT_EQ(
      refused("comm.algorithm", "tree"),
      "f:1:4: comm.algorithm: 'tree' is not accepted, expected one of auto, native, pairwise, "
      "ring, hierarchical");
  EXPECT_EQ(refused("recompute", "sometimes"),
            "f:1:4: recompute: 'sometimes' is not accepted, expected one of none, selective, full");
  EXPECT_EQ(refused("model.attention", "flash"),
            "f:1:4: model.attention: 'flash' is not accepted, expected one of materialized, "
            "blocked");
  EXPECT_EQ(refused("comm.backend", "gloo"),
            "f:1:4: comm.backend: 'gloo' is not accepted, expected one of auto, mpi, nccl");
}

TEST(Schema, TakesEveryWordBackAndForth) {
  for (const Setting& row : settings()) {
    const auto* choice = std::get_if<Choice>(&row.type);
    if (choice == nullptr) continue;
    for (const std::string& word : choice->words) {
      Case c;
      row.set(c, row.parse(parse_document("k: " + word, "f").items.at(0)));
      EXPECT_EQ(row.get(c), Value(word)) << row.name;
    }
  }
}

TEST(Schema, MapsEachPrecisionToItsType) {
  const auto precision_of = [](const char* word) {
    Case c;
    setting("precision").set(c, std::string(word));
    return c.precision;
  };
  EXPECT_EQ(precision_of("fp32"), DType::fp32);
  EXPECT_EQ(precision_of("fp64"), DType::fp64);
  EXPECT_EQ(precision_of("bf16"), DType::bf16);
  EXPECT_EQ(precision_of("tf32"), DType::fp32);
  EXPECT_THROW((void)precision_of("fp16"), RunError) << "never taken for another precision";
}

TEST(Schema, Tf32IsFp32WithOtherProducts) {
  Case c;
  const Setting& precision = setting("precision");
  precision.set(c, std::string("tf32"));
  EXPECT_TRUE(c.tensor_float);
  EXPECT_EQ(c.element_bytes(), 4U);
  EXPECT_EQ(precision.get(c), Value(std::string("tf32")));
  precision.set(c, std::string("fp32"));
  EXPECT_FALSE(c.tensor_float);
  EXPECT_EQ(precision.get(c), Value(std::string("fp32")));
}

TEST(Schema, BoundsEverySize) {
  for (const char* name :
       {"model.num_layers", "model.hidden_size", "model.ffn_hidden_size",
        "model.num_attention_heads", "model.seq_length", "model.micro_batch_size",
        "parallel.tensor", "bench.iterations", "bench.max_iterations"}) {
    for (const char* value : {"0", "-1", "2147483648", "99999999999999999999"}) {
      EXPECT_EQ(refused(name, value), std::string("f:1:4: ") + name + ": " + value +
                                          " is out of range, expected 1 to 2147483647");
    }
    EXPECT_EQ(refused(name, "2147483647"), "accepted");
  }
  for (const char* name : {"model.vocab_size", "bench.warmup"}) {
    EXPECT_EQ(refused(name, "0"), "accepted");
    EXPECT_EQ(refused(name, "2147483647"), "accepted");
    for (const char* value : {"-1", "2147483648"}) {
      EXPECT_EQ(refused(name, value), std::string("f:1:4: ") + name + ": " + value +
                                          " is out of range, expected 0 to 2147483647");
    }
  }
  EXPECT_EQ(refused("bench.seed", "0"), "accepted");
  EXPECT_EQ(refused("bench.seed", "4294967295"), "accepted");
  EXPECT_EQ(refused("bench.seed", "4294967296"),
            "f:1:4: bench.seed: 4294967296 is out of range, expected 0 to 4294967295");
}

TEST(Schema, BoundsDurations) {
  for (const char* name : {"bench.min_warmup_seconds", "bench.min_seconds"}) {
    for (const char* value : {"0", "0.5", "30", "86400"}) {
      EXPECT_EQ(refused(name, value), "accepted");
    }
    for (const char* value : {"-0.5", "86401", "1e9"}) {
      EXPECT_EQ(refused(name, value), std::string("f:1:4: ") + name + ": " + value +
                                          " is out of range, expected 0 <= x <= 86400");
    }
    EXPECT_NE(refused(name, "ten"), "accepted");
    EXPECT_NE(refused(name, ".nan"), "accepted");
  }
}

TEST(Schema, FindsWhatAWrongNameWasMeantToBe) {
  EXPECT_EQ(unknown_key_message("model.hiden_size"),
            "unknown key; did you mean model.hidden_size?");
  EXPECT_EQ(unknown_key_message("hidden_size"), "unknown key; did you mean model.hidden_size?");
  EXPECT_EQ(unknown_key_message("bench.tensor"), "unknown key; did you mean parallel.tensor?");
  EXPECT_EQ(unknown_key_message("modle"), "unknown key; did you mean model?");
  EXPECT_EQ(unknown_key_message("sweeps"), "unknown key; did you mean sweep?");
  EXPECT_EQ(unknown_key_message("precison"), "unknown key; did you mean precision?");
  EXPECT_EQ(unknown_key_message("paralel.tensor", "sweep."),
            "unknown key; did you mean sweep.parallel.tensor?");
  const std::string far = unknown_key_message("bench.quantum_entanglement");
  EXPECT_TRUE(far.starts_with("unknown key; the nearest known key is ")) << far;
}

TEST(Schema, KnowsSections) {
  for (const char* name : {"model", "parallel", "overlap", "comm", "bench"}) {
    EXPECT_TRUE(is_section(name)) << name;
  }
  for (const char* name : {"", "name", "precision", "sweep", "mod", "model.hidden_size"}) {
    EXPECT_FALSE(is_section(name)) << name;
  }
}

TEST(Schema, FormatsValuesAsTheyAreRead) {
  EXPECT_EQ(format_value(true), "true");
  EXPECT_EQ(format_value(std::int64_t{42}), "42");
  EXPECT_EQ(format_value(0.1), "0.1");
  EXPECT_EQ(format_value(std::string("none")), "none");
}

TEST(Schema, TableHasARowForEachKey) {
  const std::string table = key_table_markdown();
  EXPECT_EQ(static_cast<std::size_t>(std::count(table.begin(), table.end(), '\n')),
            settings().size() + 2);
  const auto holds = [&](const std::string& line) {
    return table.find(line + "\n") != std::string::npos;
  };
  EXPECT_TRUE(
      holds("| `model.seq_length` | integer | 1 to 2147483647 | required | tokens in a "
            "sequence, s; a multiple of t |"));
  EXPECT_TRUE(holds(
      "| `precision` | word | fp32, fp64, bf16, tf32 | fp32 | element type of activations and "
      "weights; with bf16, sums, statistics, logits and the gradients of parameters are "
      "fp32; tf32 is fp32 with products on tensor cores, which round their operands to 10 "
      "bits: on CUDA only |"));
  EXPECT_TRUE(
      holds("| `model.vocab_size` | integer | 0 to 2147483647 | 0: no ends | vocabulary, V, at "
            "least 2 and padded to a multiple of t; with it the stack has its two ends: embedding, "
            "final norm, output projection, loss |"));
  EXPECT_TRUE(
      holds("| `bench.timeout_s` | number | 0 < x <= 1000000000 | 300 | seconds after which a "
            "collective counts as failed |"));
}

TEST(Schema, ListHasTwoLinesForEachKey) {
  const std::string list = key_list();
  EXPECT_EQ(static_cast<std::size_t>(std::count(list.begin(), list.end(), '\n')),
            2 * settings().size());
  EXPECT_EQ(list.find("name: text; default unnamed\n    label of the results\n"), 0U);
  const auto holds = [&](const std::string& lines) {
    return list.find("\n" + lines + "\n") != std::string::npos;
  };
  EXPECT_TRUE(
      holds("model.seq_length: integer, 1 to 2147483647; required\n    tokens in a sequence, s; a "
            "multiple of t"));
  EXPECT_TRUE(
      holds("bench.timeout_s: number, 0 < x <= 1000000000; default 300\n    seconds after which a "
            "collective counts as failed"));
}

}  // namespace
}  // namespace tidemark::config
