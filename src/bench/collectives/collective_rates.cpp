// SPDX-License-Identifier: BSD-3-Clause
#include "bench/collectives/collective_rates.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <random>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/stopwatch.hpp"
#include "bench/statistics.hpp"
#include "comm/algorithms/memory_block.hpp"

namespace tidemark::bench {

namespace {

/// An operation to measure. An all-reduce is always in place. The library's reduce-scatter never
/// is.
struct Form {
  comm::Operation operation = comm::Operation::all_reduce;
  bool in_place = false;
};
constexpr std::array forms{
    Form{comm::Operation::all_reduce, true}, Form{comm::Operation::reduce_scatter, false},
    Form{comm::Operation::reduce_scatter, true}, Form{comm::Operation::all_gather, false},
    Form{comm::Operation::all_gather, true}};

/// The ways to measure, and buffers for the largest message.
class Measurement {
 public:
  Measurement(const std::vector<CollectiveWay>& ways, const BufferPlace& place,
              std::int64_t largest, DType dtype)
      : ways_(ways),
        place_(place),
        dtype_(dtype),
        first_(place.memory, static_cast<std::size_t>(largest)),
        second_(place.memory, static_cast<std::size_t>(largest)) {
    place.clear(first_.data(), first_.size());
    place.clear(second_.data(), second_.size());
  }

  std::vector<CollectiveRate> measure(std::int64_t bytes, int repeats) {
    // All trials, with a plain copy as the last. Each repeat uses another order, which is the same
    // on all ranks, because the previous trial leaves its data in the caches.
    std::vector<Trial> trials;
    for (const CollectiveWay& way : ways_) {
      way.communicator->set_context(fmt::format("messages of {} bytes", bytes));
    }
    for (const Form& form : forms) {
      for (const CollectiveWay& way : ways_) {
        if (exists(form, way)) trials.push_back({form, &way, {}});
      }
    }
    trials.push_back({{}, nullptr, {}});
    std::vector<std::size_t> order(trials.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::mt19937 random(1);
    for (int repeat = -1; repeat < repeats; ++repeat) {  // repeat -1 is the warm-up
      std::shuffle(order.begin(), order.end(), random);
      for (const std::size_t index : order) {
        const double seconds = slowest([&] { carry_out(trials[index], bytes); });
        if (repeat >= 0) trials[index].seconds.push_back(seconds);
      }
    }
    std::vector<CollectiveRate> rates;
    for (const Trial& trial : trials) {
      if (trial.way == nullptr) continue;
      rates.push_back({trial.form.operation, trial.way->name, trial.form.in_place, bytes,
                       median_of(trial.seconds), native_seconds(trials, trial.form),
                       median_of(trials.back().seconds)});
    }
    return rates;
  }

 private:
  struct Trial {
    Form form;
    const CollectiveWay* way;  ///< null: a plain copy
    std::vector<double> seconds;
  };

  static bool exists(const Form& form, const CollectiveWay& way) {
    if (form.operation == comm::Operation::all_gather) return true;
    const bool scatters_in_place =
        form.in_place && form.operation == comm::Operation::reduce_scatter;
    return way.forms_sums && (way.scatters_in_place || !scatters_in_place);
  }

  /// Seconds of the library's way in the same form, or in its only form for this operation.
  static std::optional<double> native_seconds(const std::vector<Trial>& trials, const Form& form) {
    std::optional<double> seconds;
    for (const Trial& trial : trials) {
      if (trial.way == nullptr || !trial.way->is_native) continue;
      if (trial.form.operation != form.operation) continue;
      if (!seconds || trial.form.in_place == form.in_place) seconds = median_of(trial.seconds);
    }
    return seconds;
  }

  template <class Body>
  double slowest(const Body& body) {
    comm::Communicator& any = *ways_.front().communicator;
    any.barrier();
    const Stopwatch watch;
    body();
    std::array<double, 1> seconds{watch.seconds()};
    any.max_over_ranks(seconds);
    return seconds[0];
  }

  void carry_out(const Trial& trial, std::int64_t bytes) {
    if (trial.way == nullptr) {
      place_.copy(second_.data(), first_.data(), static_cast<std::size_t>(bytes));
    } else {
      call(*trial.way->communicator, trial.form, bytes);
    }
  }

  void call(comm::Communicator& communicator, const Form& form, std::int64_t bytes) {
    const std::size_t count = static_cast<std::size_t>(bytes) / size_of(dtype_);
    const std::size_t block = count / static_cast<std::size_t>(communicator.size());
    constexpr comm::Purpose purpose = comm::Purpose::activation;
    std::byte* const own =
        first_.data() + static_cast<std::size_t>(communicator.rank()) * block * size_of(dtype_);
    std::byte* const part = form.in_place ? own : second_.data();
    comm::Request request;
    if (form.operation == comm::Operation::all_reduce) {
      request = communicator.all_reduce(first_.data(), count, dtype_, purpose);
    } else if (form.operation == comm::Operation::all_gather) {
      request = communicator.all_gather(part, first_.data(), block, dtype_, purpose);
    } else {
      request = communicator.reduce_scatter(first_.data(), part, block, dtype_, purpose);
    }
    communicator.wait(request);
    communicator.fence();  // a call that is only ordered on a stream is not complete
  }

  const std::vector<CollectiveWay>& ways_;
  const BufferPlace& place_;
  DType dtype_;
  comm::MemoryBlock first_;
  comm::MemoryBlock second_;
};

}  // namespace

std::vector<CollectiveRate> measure_collectives(const std::vector<CollectiveWay>& ways,
                                                const BufferPlace& place,
                                                const std::vector<std::int64_t>& sizes, DType dtype,
                                                int repeats) {
  TIDEMARK_REQUIRE(!ways.empty(), "there is no way to carry a collective out");
  const int ranks = ways.front().communicator->size();
  const std::int64_t unit = ranks * static_cast<std::int64_t>(size_of(dtype));
  const auto rounded = [&](std::int64_t bytes) { return (bytes + unit - 1) / unit * unit; };
  Measurement measurement(ways, place, rounded(*std::max_element(sizes.begin(), sizes.end())),
                          dtype);
  std::vector<CollectiveRate> rates;
  for (const std::int64_t size : sizes) {
    const auto measured = measurement.measure(rounded(size), repeats);
    rates.insert(rates.end(), measured.begin(), measured.end());
  }
  return rates;
}

}  // namespace tidemark::bench
