// Work of a backward pass that may wait for a collective to hide.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace tidemark::parallel {

/// Products that nobody waits for, weight gradients, left over for where a collective has too
/// little beside it: the idea of Qi et al. ("Zero bubble pipeline parallelism", 2024), within a
/// layer. What the work needs stays alive with it.
class Deferred {
 public:
  void add(std::function<void()> work) { works_.push_back(std::move(work)); }
  [[nodiscard]] bool empty() const { return works_.empty(); }
  /// Does all of it.
  void run() {
    for (const std::function<void()>& work : std::exchange(works_, {})) work();
  }

 private:
  std::vector<std::function<void()>> works_;
};

}  // namespace tidemark::parallel
