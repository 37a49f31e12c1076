#include "bench/collective_rates.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>

#include "base/stopwatch.hpp"
#include "bench/statistics.hpp"
#include "comm/mpi.hpp"

namespace tidemark::bench {

namespace {

constexpr std::array operations{comm::Operation::all_reduce, comm::Operation::reduce_scatter,
                                comm::Operation::all_gather};

/// One communicator an algorithm, and buffers for the largest message.
class Measurement {
 public:
  Measurement(std::int64_t largest, DType dtype, double timeout_s) : dtype_(dtype) {
    for (const comm::Algorithm algorithm :
         {comm::Algorithm::native, comm::Algorithm::pairwise, comm::Algorithm::ring}) {
      comm::MpiOptions options;
      options.algorithm = algorithm;
      auto communicator = std::make_unique<comm::MpiCommunicator>(
          MPI_COMM_WORLD, std::chrono::duration<double>(timeout_s), options);
      // Between two ranks a ring is the pair.
      if (algorithm == comm::Algorithm::ring && communicator->size() == 2) continue;
      communicators_.push_back({algorithm, std::move(communicator)});
    }
    first_.assign(static_cast<std::size_t>(largest), std::byte{0});
    second_.assign(static_cast<std::size_t>(largest), std::byte{0});
  }

  [[nodiscard]] comm::Communicator& any() { return *communicators_.front().communicator; }

  std::vector<CollectiveRate> measure(std::int64_t bytes, int repeats) {
    std::vector<CollectiveRate> rates;
    std::vector<std::vector<double>> seconds(operations.size() * communicators_.size());
    std::vector<double> copies;
    for (int repeat = -1; repeat < repeats; ++repeat) {  // the first is to warm up
      std::size_t slot = 0;
      for (const comm::Operation operation : operations) {
        for (const Entry& entry : communicators_) {
          const double time = slowest([&] { call(*entry.communicator, operation, bytes); });
          if (repeat >= 0) seconds[slot].push_back(time);
          ++slot;
        }
      }
      const double time = slowest(
          [&] { std::memcpy(second_.data(), first_.data(), static_cast<std::size_t>(bytes)); });
      if (repeat >= 0) copies.push_back(time);
    }
    std::size_t slot = 0;
    for (const comm::Operation operation : operations) {
      const double native = median_of(seconds[slot]);  // the first algorithm
      for (const Entry& entry : communicators_) {
        rates.push_back({operation, entry.algorithm, bytes, median_of(seconds[slot]), native,
                         median_of(copies)});
        ++slot;
      }
    }
    return rates;
  }

 private:
  struct Entry {
    comm::Algorithm algorithm;
    std::unique_ptr<comm::Communicator> communicator;
  };

  template <class Body>
  double slowest(const Body& body) {
    any().barrier();
    const Stopwatch watch;
    body();
    std::array<double, 1> seconds{watch.seconds()};
    any().max_over_ranks(seconds);
    return seconds[0];
  }

  void call(comm::Communicator& communicator, comm::Operation operation, std::int64_t bytes) {
    const std::size_t count = static_cast<std::size_t>(bytes) / size_of(dtype_);
    const std::size_t block = count / static_cast<std::size_t>(communicator.size());
    constexpr comm::Purpose purpose = comm::Purpose::activation;
    comm::Request request;
    if (operation == comm::Operation::all_reduce) {
      request = communicator.all_reduce(first_.data(), count, dtype_, purpose);
    } else if (operation == comm::Operation::all_gather) {
      request = communicator.all_gather(second_.data(), first_.data(), block, dtype_, purpose);
    } else {
      request = communicator.reduce_scatter(first_.data(), second_.data(), block, dtype_, purpose);
    }
    communicator.wait(request);
  }

  DType dtype_;
  std::vector<Entry> communicators_;
  std::vector<std::byte> first_;
  std::vector<std::byte> second_;
};

}  // namespace

std::vector<CollectiveRate> measure_collectives(const std::vector<std::int64_t>& sizes, DType dtype,
                                                int repeats, double timeout_s) {
  int ranks = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const std::int64_t unit = ranks * static_cast<std::int64_t>(size_of(dtype));
  const auto rounded = [&](std::int64_t bytes) { return (bytes + unit - 1) / unit * unit; };
  Measurement measurement(rounded(*std::max_element(sizes.begin(), sizes.end())), dtype, timeout_s);
  std::vector<CollectiveRate> rates;
  for (const std::int64_t size : sizes) {
    const auto measured = measurement.measure(rounded(size), repeats);
    rates.insert(rates.end(), measured.begin(), measured.end());
  }
  return rates;
}

}  // namespace tidemark::bench
