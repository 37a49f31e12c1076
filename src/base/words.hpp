// SPDX-License-Identifier: BSD-3-Clause
// Enumerations whose values users write as words.
#pragma once

#include <optional>
#include <string_view>

namespace tidemark {

/// The words of enumeration E. A specialisation has `all`: an array of {value, word} in the order
/// of the documentation.
template <class E>
struct Words;

/// The word of a value, as in the input and the records.
template <class E>
constexpr std::string_view word_of(E value) {
  for (const auto& [known, word] : Words<E>::all) {
    if (known == value) return word;
  }
  return "unknown";
}

/// The value of a word; nullopt if E has no such word.
template <class E>
constexpr std::optional<E> from_word(std::string_view word) {
  for (const auto& [value, known] : Words<E>::all) {
    if (known == word) return value;
  }
  return std::nullopt;
}

}  // namespace tidemark
