// SPDX-License-Identifier: BSD-3-Clause
#include "model/norm.hpp"

#include <utility>

#include "base/scalars.hpp"
#include "model/layer_norm.hpp"
#include "model/rms_norm.hpp"

namespace tidemark::model {

namespace {

// Parameters differ from one and zero, so that a missing gain or shift shows.
constexpr double parameter_width = 0.2;

}  // namespace

template <class T>
Norm<T>::Norm(NormSpec spec, std::int64_t statistics)
    : spec_(std::move(spec)), width_(statistics) {}

template <class T>
parallel::Parameter<T>& Norm<T>::declare(parallel::ParameterStore<T>& store,
                                         const std::string& name, std::uint32_t stream,
                                         std::int64_t hidden, double centre) {
  return store.declare({name,
                        stream,
                        parallel::Sharing::replicated,
                        hidden,
                        {{1, {0, 0, hidden}}},
                        centre,
                        parameter_width,
                        true});
}

template <class T>
parallel::Arriving<T> Norm<T>::forward(const parallel::Context& context, parallel::Arriving<T>& x) {
  const std::int64_t height = num_rows(x.view());
  statistics_ =
      context.ledger.tensor<F>(spec_.statistics_name, spec_.layer, context.kept, height, width_);
  Tensor y =
      context.ledger.tensor<T>(spec_.output_name, spec_.layer,
                               spec_.keeps_output ? context.kept : memory::TensorClass::transient,
                               height, num_columns(x.view()));
  const Matrix<T> out = y.view();
  return parallel::following(std::move(y), x,
                             [this, &device = context.device, out](
                                 const Matrix<T>& in, std::int64_t chunks, std::int64_t chunk) {
                               const auto part = [&](const auto& rows) {
                                 return parallel::chunk_of(rows, chunks, chunk);
                               };
                               normalise(device, part(in), part(out), part(statistics_.view()));
                             });
}

template <class T>
void Norm<T>::backward(const parallel::Context& context, const Matrix<T>& output_gradient,
                       const Matrix<T>& x, const Matrix<T>& gradient) {
  differentiate(context.device, output_gradient, x, statistics_.view(), gradient);
  statistics_.reset();
}

template <class T>
std::unique_ptr<Norm<T>> make_norm(parallel::ParameterStore<T>& store, const config::Case& settings,
                                   NormSpec spec) {
  const std::int64_t hidden = settings.model.hidden_size;
  if (settings.model.is_llama()) {
    return std::make_unique<RmsNorm<T>>(store, hidden, std::move(spec));
  }
  return std::make_unique<LayerNorm<T>>(store, hidden, std::move(spec));
}

#define TIDEMARK_INSTANTIATE(T)                                                                  \
  template class Norm<T>;                                                                        \
  template std::unique_ptr<Norm<T>> make_norm(parallel::ParameterStore<T>&, const config::Case&, \
                                              NormSpec);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::model
