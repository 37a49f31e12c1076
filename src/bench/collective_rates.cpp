#include "bench/collective_rates.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>

#include "base/stopwatch.hpp"
#include "bench/statistics.hpp"
#include "comm/mpi.hpp"

namespace tidemark::bench {

namespace {

/// What is measured. An all-reduce is in place; the library's reduce-scatter never is.
struct Form {
  comm::Operation operation = comm::Operation::all_reduce;
  bool in_place = false;
};
constexpr std::array forms{
    Form{comm::Operation::all_reduce, true}, Form{comm::Operation::reduce_scatter, false},
    Form{comm::Operation::reduce_scatter, true}, Form{comm::Operation::all_gather, false},
    Form{comm::Operation::all_gather, true}};

/// One communicator an algorithm, and buffers for the largest message.
class Measurement {
 public:
  Measurement(std::int64_t largest, DType dtype, double timeout_s) : dtype_(dtype) {
    for (const comm::Algorithm algorithm : comm::all_algorithms) {
      comm::MpiOptions options;
      options.algorithm = algorithm;
      auto communicator = std::make_unique<comm::MpiCommunicator>(
          MPI_COMM_WORLD, std::chrono::duration<double>(timeout_s), options);
      if (!comm::is_distinct(algorithm, communicator->size())) continue;
      communicators_.push_back({algorithm, std::move(communicator)});
    }
    first_.assign(static_cast<std::size_t>(largest), std::byte{0});
    second_.assign(static_cast<std::size_t>(largest), std::byte{0});
  }

  [[nodiscard]] comm::Communicator& any() { return *communicators_.front().communicator; }

  std::vector<CollectiveRate> measure(std::int64_t bytes, int repeats) {
    // What is measured, and a plain copy as the last; each repeat in another order, the same on all
    // ranks, since what ran before leaves its data in the caches.
    std::vector<Trial> trials;
    for (const Form& form : forms) {
      for (const Entry& entry : communicators_) {
        if (exists(form, entry.algorithm)) trials.push_back({form, &entry, {}});
      }
    }
    trials.push_back({{}, nullptr, {}});
    std::vector<std::size_t> order(trials.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::mt19937 random(1);
    for (int repeat = -1; repeat < repeats; ++repeat) {  // the first is to warm up
      std::shuffle(order.begin(), order.end(), random);
      for (const std::size_t index : order) {
        const double seconds = slowest([&] { carry_out(trials[index], bytes); });
        if (repeat >= 0) trials[index].seconds.push_back(seconds);
      }
    }
    std::vector<CollectiveRate> rates;
    double native = 0.0;
    for (const Trial& trial : trials) {
      if (trial.entry == nullptr) continue;
      const double seconds = median_of(trial.seconds);
      // The library's is the first of an operation, and in place or not, it is the same call.
      if (trial.entry->algorithm == comm::Algorithm::native) native = seconds;
      rates.push_back({trial.form.operation, trial.entry->algorithm, trial.form.in_place, bytes,
                       seconds, native, median_of(trials.back().seconds)});
    }
    return rates;
  }

 private:
  struct Entry {
    comm::Algorithm algorithm;
    std::unique_ptr<comm::Communicator> communicator;
  };
  struct Trial {
    Form form;
    const Entry* entry;  ///< null: a plain copy
    std::vector<double> seconds;
  };

  static bool exists(const Form& form, comm::Algorithm algorithm) {
    const bool scatters_in_place =
        form.in_place && form.operation == comm::Operation::reduce_scatter;
    return !scatters_in_place || algorithm != comm::Algorithm::native;
  }

  template <class Body>
  double slowest(const Body& body) {
    any().barrier();
    const Stopwatch watch;
    body();
    std::array<double, 1> seconds{watch.seconds()};
    any().max_over_ranks(seconds);
    return seconds[0];
  }

  void carry_out(const Trial& trial, std::int64_t bytes) {
    if (trial.entry == nullptr) {
      std::memcpy(second_.data(), first_.data(), static_cast<std::size_t>(bytes));
    } else {
      call(*trial.entry->communicator, trial.form, bytes);
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
