#include "model/layer_norm.hpp"

#include <utility>

#include "kernels/norm.hpp"

namespace tidemark::model {

namespace {

// Away from one and zero, so that a gain or a shift that is forgotten shows.
constexpr double parameter_width = 0.2;

parallel::ParameterSpec vector_spec(const std::string& name, std::uint32_t stream,
                                    std::int64_t hidden, double centre) {
  return {name,   stream,          parallel::Sharing::replicated,
          1,      hidden,          {0, 0, hidden},
          centre, parameter_width, true};
}

}  // namespace

template <class T>
LayerNorm<T>::LayerNorm(parallel::ParameterStore<T>& store, const parallel::Context&,
                        std::int64_t hidden, LayerNormSpec spec)
    : spec_(std::move(spec)),
      weight_(store.declare(vector_spec(spec_.name + ".weight", spec_.weight_stream, hidden, 1.0))),
      bias_(store.declare(vector_spec(spec_.name + ".bias", spec_.bias_stream, hidden, 0.0))) {}

template <class T>
parallel::Arriving<T> LayerNorm<T>::forward(const parallel::Context& context,
                                            parallel::Arriving<T>& x) {
  const Matrix<T>& rows = x.view();
  statistics_ = context.ledger.tensor<Accumulate<T>>(spec_.statistics_name, spec_.layer,
                                                     context.kept, num_rows(rows), 2);
  Tensor y =
      context.ledger.tensor<T>(spec_.output_name, spec_.layer,
                               spec_.keeps_output ? context.kept : memory::TensorClass::transient,
                               num_rows(rows), num_columns(rows));
  const Matrix<T> out = y.view();
  return parallel::following(std::move(y), x,
                             [this, &device = context.device, out](
                                 const Matrix<T>& in, std::int64_t chunks, std::int64_t chunk) {
                               kernels::layer_norm_forward(
                                   device, parallel::chunk_of(in, chunks, chunk), weight_.vector(),
                                   bias_.vector(), parallel::chunk_of(out, chunks, chunk),
                                   parallel::chunk_of(statistics_.view(), chunks, chunk));
                             });
}

template <class T>
void LayerNorm<T>::backward(const parallel::Context& context, const Matrix<T>& output_gradient,
                            const Matrix<T>& x, const Matrix<T>& gradient) {
  kernels::layer_norm_backward(context.device, output_gradient, x, weight_.vector(),
                               statistics_.view(), gradient, weight_.vector_gradient(),
                               bias_.vector_gradient());
  statistics_.reset();
}

template class LayerNorm<bfloat16>;
template class LayerNorm<float>;
template class LayerNorm<double>;

}  // namespace tidemark::model
