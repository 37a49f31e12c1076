// SPDX-License-Identifier: BSD-3-Clause
#include "base/last_words.hpp"

namespace tidemark {

namespace {

std::atomic<std::atomic<bool>*> shared{nullptr};

}  // namespace

void share_last_words(std::atomic<bool>& flag) noexcept { shared.store(&flag); }

void note_last_words() noexcept {
  if (std::atomic<bool>* const flag = shared.load()) flag->store(true);
}

}  // namespace tidemark
