// SPDX-License-Identifier: BSD-3-Clause
#include "config/preset.hpp"

#include <algorithm>
#include <array>

#include "config/schema.hpp"
#include "config/validate.hpp"

namespace tidemark::config {

namespace {

// Sources, in the order of the rows:
//
//   gpt-345m   Shoeybi et al., "Megatron-LM", 2019: 24 layers of h 1024 with 16 heads, as in the
//              GPT-2 example of Megatron-LM; the vocabulary is that of GPT-2
//   gpt-1.3b   the shape of inputs/gpt-1.3b.yaml: Dey et al., "Cerebras-GPT", 2023. The row of
//              Brown et al., "Language Models are Few-Shot Learners", 2020, Table 2.1, differs only
//              in its 24 heads, which do not divide 2048
//   gpt-175b   Brown et al., 2020, Table 2.1, with the vocabulary of GPT-2
//   gpt-22b, gpt-530b, gpt-1t
//              Korthikanti et al., "Reducing Activation Recomputation in Large Transformer
//              Models", 2022, Table 3; vocabulary 51200, s 2048
//   llama-2    Touvron et al., "Llama 2", 2023: s 4096, vocabulary 32000, grouped queries in 70b
//   llama-3    Grattafiori et al., "The Llama 3 Herd of Models", 2024, Table 3: s 8192 before its
//              extension, theta 500000; V is a vocabulary of 128000 tokens and 256 special ones
constexpr auto table = std::to_array<Preset>({
    // name, family, L, h, ffn, a, g, s, V, theta
    {"gpt-345m", "gpt", 24, 1024, 0, 16, 0, 1024, 50257, 0.0},
    {"gpt-1.3b", "gpt", 24, 2048, 0, 16, 0, 2048, 50257, 0.0},
    {"gpt-22b", "gpt", 48, 6144, 0, 64, 0, 2048, 51200, 0.0},
    {"gpt-175b", "gpt", 96, 12288, 0, 96, 0, 2048, 50257, 0.0},
    {"gpt-530b", "gpt", 105, 20480, 0, 128, 0, 2048, 51200, 0.0},
    {"gpt-1t", "gpt", 128, 25600, 0, 160, 0, 2048, 51200, 0.0},
    {"llama-2-7b", "llama", 32, 4096, 11008, 32, 0, 4096, 32000, 1e4},
    {"llama-2-70b", "llama", 80, 8192, 28672, 64, 8, 4096, 32000, 1e4},
    {"llama-3-8b", "llama", 32, 4096, 14336, 32, 8, 8192, 128256, 5e5},
    {"llama-3-70b", "llama", 80, 8192, 28672, 64, 8, 8192, 128256, 5e5},
    {"llama-3-405b", "llama", 126, 16384, 53248, 128, 8, 8192, 128256, 5e5},
});

}  // namespace

std::span<const Preset> presets() { return table; }

std::vector<std::string> preset_words() {
  std::vector<std::string> words{"none"};
  for (const Preset& preset : presets()) words.emplace_back(preset.name);
  return words;
}

void apply_preset(Case& c, const std::string& name, const std::string& where) {
  c.model.preset = name;
  const auto found = std::find_if(presets().begin(), presets().end(),
                                  [&](const Preset& preset) { return preset.name == name; });
  if (found == presets().end()) return;
  const auto say = [&](const std::string& key, const Value& value) {
    find_setting(key)->set(c, value);
    c.locations[key] = where;
    c.from_preset.insert(key);
  };
  say("model.family", std::string(found->family));
  say("model.num_layers", found->layers);
  say("model.hidden_size", found->hidden);
  if (found->ffn > 0) say("model.ffn_hidden_size", found->ffn);
  say("model.num_attention_heads", found->heads);
  if (found->groups > 0) say("model.num_query_groups", found->groups);
  say("model.seq_length", found->seq_length);
  say("model.vocab_size", found->vocabulary);
  if (found->rope_theta > 0.0) say("model.rope_theta", found->rope_theta);
}

Case case_of(const Preset& preset) {
  Case c;
  c.name = preset.name;
  apply_preset(c, c.name, c.name);
  resolve_defaults(c);
  return c;
}

}  // namespace tidemark::config
