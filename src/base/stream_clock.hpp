// SPDX-License-Identifier: BSD-3-Clause
// When the work on CUDA streams happens, by the host's clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

struct CUevent_st;
struct CUstream_st;

namespace tidemark {

/// A stream of the CUDA runtime (cudaStream_t); null is its default stream.
using CudaStream = CUstream_st*;

/// Moments on CUDA streams, in times of the host's steady clock.
///
/// `mark` puts an event after the work that a stream already holds; the host does not wait. When
/// the stream has reached the event, `time_of` returns the time of the event. It measures from an
/// anchor, which is an event with a known time of the host.
///
/// The anchor is accurate to a few microseconds, and its error shifts all streams of a device
/// alike. The time between two marks that are read against the same anchor has the resolution of
/// events, half a microsecond. The anchor has its own stream, so that taking it waits for no other
/// work.
///
/// Events are kept for later marks, so a steady state creates none. Only one thread at a time may
/// use a clock. Its current device must be the one that was current when the clock was made. Every
/// function throws RunError if CUDA fails.
class StreamClock {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  /// A moment on a stream; valid until it is released.
  using Mark = CUevent_st*;

  /// For the streams of the current device.
  StreamClock();
  ~StreamClock();
  StreamClock(const StreamClock&) = delete;
  StreamClock& operator=(const StreamClock&) = delete;

  /// The moment at which all work that `stream` holds now is done.
  [[nodiscard]] Mark mark(CudaStream stream);
  /// Work that is put on `stream` from now on waits for that moment. The host does not.
  void make_wait(CudaStream stream, Mark mark) const;
  [[nodiscard]] bool has_passed(Mark mark) const;
  /// The host waits for that moment.
  void await(Mark mark) const;
  /// The time of that moment. The mark must have passed.
  [[nodiscard]] TimePoint time_of(Mark mark);
  /// The caller does not need the mark any more.
  void release(Mark mark) { free_.push_back(mark); }

  /// Takes a new anchor. This takes about 100 us, so it must be outside measured times. `time_of`
  /// does so itself if there is no anchor. Times lose resolution with their distance to the anchor:
  /// it is 1 us after 8 s. No anchor should be taken between readings of marks that are compared.
  void anchor();
  /// Takes a new anchor if the last one is older than `age`.
  void refresh_anchor(std::chrono::duration<double> age);

 private:
  [[nodiscard]] Mark take();

  CudaStream own_stream_ = nullptr;
  std::vector<Mark> all_;   ///< owned
  std::vector<Mark> free_;  ///< those of `all_` that are no mark now
  Mark anchor_ = nullptr;
  TimePoint anchor_time_{};
};

}  // namespace tidemark
