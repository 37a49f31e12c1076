// SPDX-License-Identifier: BSD-3-Clause
// A CUDA device made of threads: the part that the double of NCCL sees.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

/// A stream: it carries out its work in the order of arrival, on its own thread.
struct CUstream_st {
 public:
  using Work = std::function<void()>;

  explicit CUstream_st(bool is_urgent) : is_urgent_(is_urgent), thread_([this] { run(); }) {}
  /// Finishes the work that it has.
  ~CUstream_st();
  CUstream_st(const CUstream_st&) = delete;
  CUstream_st& operator=(const CUstream_st&) = delete;

  void push(Work work);
  /// Whether it was made with a higher priority than the others.
  [[nodiscard]] bool is_urgent() const { return is_urgent_; }

 private:
  void run();

  bool is_urgent_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work*> queue_;
  bool ends_ = false;
  std::thread thread_;  ///< last, so that all it uses exists before it starts
};

namespace tidemark::doubles {

/// The moment at which an event was last recorded.
class Moment {
 public:
  void pass();  ///< on the stream
  /// After it returns, everything that came before the moment comes before the caller's next
  /// actions.
  void await();
  [[nodiscard]] bool has_passed();
  [[nodiscard]] std::chrono::steady_clock::time_point time() const;

 private:
  bool passed_ = false;
  std::chrono::steady_clock::time_point time_{};
};

/// Whether the device's memory holds all these bytes in one allocation.
bool is_on_device(const void* address, std::size_t bytes);

}  // namespace tidemark::doubles

/// An event.
struct CUevent_st {
  std::shared_ptr<tidemark::doubles::Moment> moment;  ///< null: never recorded
};
