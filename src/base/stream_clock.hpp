// SPDX-License-Identifier: BSD-3-Clause
// When the work on CUDA streams happens, by the host's clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

struct CUevent_st;
struct CUstream_st;

namespace tidemark {

/// A stream of the CUDA runtime, as cudaStream_t; null is its default stream.
using CudaStream = CUstream_st*;

/// Moments on CUDA streams, on the axis of the host's steady clock.
///
/// `mark` puts an event behind what a stream holds already, and costs the host no waiting. When
/// the stream has got there, `time_of` tells when that was: by the time between the event and an
/// anchor, an event of which the host took the time, too. The anchor is good to a few
/// microseconds, which shift all streams of a device alike; between two marks it is the resolution
/// of events, half a microsecond, that counts, as long as they are read against the same anchor.
/// The anchor has a stream of its own, so that taking it waits for nobody.
///
/// Events are kept for later marks: in a steady state nothing is made. One thread at a time may use
/// a clock, with the device current that was when it was made. All of it throws RunError where CUDA
/// fails.
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

  /// The moment at which all that `stream` holds now is done.
  [[nodiscard]] Mark mark(CudaStream stream);
  /// What is put on `stream` from now on waits for that moment; the host does not.
  void make_wait(CudaStream stream, Mark mark) const;
  [[nodiscard]] bool has_passed(Mark mark) const;
  /// The host waits for it.
  void await(Mark mark) const;
  /// When it was; the mark must have passed.
  [[nodiscard]] TimePoint time_of(Mark mark);
  /// The mark is not needed any more.
  void release(Mark mark) { free_.push_back(mark); }

  /// Takes a new anchor: takes some 100 us, so off the measured clock. `time_of` does so by itself
  /// where there is none. Times lose resolution with their distance to the anchor: it is 1 us after
  /// 8 s. Marks that are compared should be read without an anchor in between.
  void anchor();
  /// Takes a new anchor where the last one is older than `age`.
  void refresh_anchor(std::chrono::duration<double> age);

 private:
  [[nodiscard]] Mark take();

  CudaStream own_stream_ = nullptr;
  std::vector<Mark> all_;   ///< owned
  std::vector<Mark> free_;  ///< those of them that are no mark now
  Mark anchor_ = nullptr;
  TimePoint anchor_time_{};
};

}  // namespace tidemark
