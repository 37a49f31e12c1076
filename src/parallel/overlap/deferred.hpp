// SPDX-License-Identifier: BSD-3-Clause
// Work of a backward pass that is deferred to hide a collective.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace tidemark::parallel {

/// Weight gradients, on which no other work of the layer depends. They are deferred to a collective
/// that has too little concurrent work. The idea is from Qi et al. ("Zero bubble pipeline
/// parallelism", 2024), here within a layer. Each work item owns its operands.
class Deferred {
 public:
  void add(std::function<void()> work) { works_.push_back(std::move(work)); }
  [[nodiscard]] bool empty() const { return works_.empty(); }
  /// Runs all deferred work.
  void run() {
    for (const std::function<void()>& work : std::exchange(works_, {})) work();
  }

 private:
  std::vector<std::function<void()>> works_;
};

}  // namespace tidemark::parallel
