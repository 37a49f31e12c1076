// SPDX-License-Identifier: BSD-3-Clause
// Settings of cases by their words.
#pragma once

#include <string_view>

#include "config/choices.hpp"

namespace tidemark::support {

/// Sets a choice to the value with this word. Throws if there is none.
template <class E>
void set_word(E& choice, std::string_view word) {
  choice = from_word<E>(word).value();
}

}  // namespace tidemark::support
