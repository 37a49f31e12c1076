// Normalisation of rows as a module: its parameters and the statistics it saves.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "config/case.hpp"
#include "memory/ledger.hpp"
#include "parallel/context.hpp"
#include "parallel/overlap/arriving.hpp"
#include "parallel/parameters.hpp"

namespace tidemark::model {

struct NormSpec {
  std::string name;  ///< prefix of its parameters: "layers.0.norm1"
  int layer = 0;
  std::uint32_t weight_stream = 0;
  std::uint32_t bias_stream = 0;     ///< where there is a bias
  std::string_view statistics_name;  ///< of what is saved of each row
  std::string_view output_name;      ///< of the normalised rows: the next linear's input
  bool keeps_output = true;          ///< the output is kept for backward by who receives it
};

/// Normalises the rows a rank has: all of [s b, h], or its shard under SP. The parameters are
/// replicated; under SP their gradients are of this rank's rows only, until the store reduces them.
/// What a row is normalised by is the implementation's.
template <class T>
class Norm {
 public:
  using Tensor = memory::Tensor<T>;
  using F = Accumulate<T>;

  /// `statistics`: numbers that are saved of each row.
  Norm(NormSpec spec, std::int64_t statistics);
  Norm(const Norm&) = delete;
  Norm& operator=(const Norm&) = delete;
  virtual ~Norm() = default;

  /// x [., h] -> its normalised rows, in a new tensor, chunk by chunk where x comes so; x stays the
  /// caller's, and has to stay where it is until they have all been asked for.
  parallel::Arriving<T> forward(const parallel::Context& context, parallel::Arriving<T>& x);

  /// Adds the gradient of x to `gradient` [., h], and writes the parameters' gradients.
  void backward(const parallel::Context& context, const Matrix<T>& output_gradient,
                const Matrix<T>& x, const Matrix<T>& gradient);
  /// Frees the statistics unused.
  void forget() { statistics_.reset(); }

 protected:
  /// A parameter [h] on `centre` +- 0.1.
  static parallel::Parameter<T>& declare(parallel::ParameterStore<T>& store,
                                         const std::string& name, std::uint32_t stream,
                                         std::int64_t hidden, double centre);

 private:
  /// x -> y; writes the statistics.
  virtual void normalise(Device& device, const Matrix<T>& x, const Matrix<T>& y,
                         const Matrix<F>& statistics) const = 0;
  /// Adds the gradient of x to `gradient`; writes the parameters'.
  virtual void differentiate(Device& device, const Matrix<T>& output_gradient, const Matrix<T>& x,
                             const Matrix<F>& statistics, const Matrix<T>& gradient) const = 0;

  NormSpec spec_;
  std::int64_t width_;            ///< of the statistics
  memory::Tensor<F> statistics_;  ///< [., width]
};

/// The one of the case's family.
template <class T>
std::unique_ptr<Norm<T>> make_norm(parallel::ParameterStore<T>& store, const config::Case& settings,
                                   NormSpec spec);

}  // namespace tidemark::model
