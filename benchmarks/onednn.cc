// A convolution and its two gradients by oneDNN, as one call that XLA makes: float32, NHWC, HWIO.
//
// benchmarks/onednn.py compiles and registers it. Kind 0 is y of x and w, 1 is dL/dx of dL/dy and w, 2 is dL/dw of x
// and dL/dy. oneDNN chooses the order in which it reads a kernel, so kernels are reordered before or after each call.

#include <array>
#include <map>
#include <mutex>
#include <utility>

#include "dnnl.hpp"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;
using Array = ffi::Buffer<ffi::F32>;
using Key = std::array<int64_t, 15>;
using dnnl::memory;
constexpr auto kTraining = dnnl::prop_kind::forward_training;
constexpr auto kDirect = dnnl::algorithm::convolution_direct;

struct Plan {
  dnnl::primitive convolution;
  dnnl::reorder reorder;
  memory::desc image, result, plain, chosen;  // chosen: the kernel as oneDNN wants it, plain: as JAX has it
  memory kernel;
};

dnnl::engine& Engine() {
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

Plan MakePlan(const Key& key) {
  auto [kind, b, h, w, i, oh, ow, o, kh, kw, stride, top, bottom, left, right] = key;
  memory::dims strides{stride, stride}, before{top, left}, after{bottom, right};
  auto desc = [](memory::dims dims, memory::format_tag tag) { return memory::desc(dims, memory::data_type::f32, tag); };
  Plan plan;
  plan.image = desc({b, i, h, w}, memory::format_tag::nhwc);
  plan.result = desc({b, o, oh, ow}, memory::format_tag::nhwc);
  plan.plain = desc({o, i, kh, kw}, memory::format_tag::hwio);
  auto any = desc({o, i, kh, kw}, memory::format_tag::any);
  dnnl::convolution_forward::primitive_desc forward(
      Engine(), kTraining, kDirect, plan.image, any, plan.result, strides, before, after);
  if (kind == 0) {
    plan.convolution = dnnl::convolution_forward(forward);
    plan.chosen = forward.weights_desc();
  } else if (kind == 1) {
    dnnl::convolution_backward_data::primitive_desc backward(
        Engine(), kDirect, plan.image, any, plan.result, strides, before, after, forward);
    plan.convolution = dnnl::convolution_backward_data(backward);
    plan.chosen = backward.weights_desc();
  } else {
    dnnl::convolution_backward_weights::primitive_desc backward(
        Engine(), kDirect, plan.image, any, plan.result, strides, before, after, forward);
    plan.convolution = dnnl::convolution_backward_weights(backward);
    plan.chosen = backward.diff_weights_desc();
  }
  plan.kernel = memory(plan.chosen, Engine());
  memory outside(plan.plain, Engine(), nullptr);
  plan.reorder = kind == 2 ? dnnl::reorder(plan.kernel, outside) : dnnl::reorder(outside, plan.kernel);
  return plan;
}

ffi::Error Convolve(Array first, Array second, ffi::Result<Array> out, int64_t kind, int64_t stride, int64_t top,
                    int64_t bottom, int64_t left, int64_t right) {
  auto x = kind == 1 ? out->dimensions() : first.dimensions();
  auto y = kind == 0 ? out->dimensions() : kind == 1 ? first.dimensions() : second.dimensions();
  auto w = kind == 2 ? out->dimensions() : second.dimensions();
  Key key{kind, x[0], x[1], x[2], x[3], y[1], y[2], y[3], w[0], w[1], stride, top, bottom, left, right};
  static std::mutex mutex;  // one convolution at a time, on all cores
  static std::map<Key, Plan> plans;
  std::lock_guard<std::mutex> lock(mutex);
  try {
    auto found = plans.find(key);
    if (found == plans.end()) found = plans.emplace(key, MakePlan(key)).first;
    Plan& plan = found->second;
    dnnl::stream stream(Engine());
    memory one(kind == 1 ? plan.result : plan.image, Engine(), first.typed_data());
    if (kind == 2) {
      memory two(plan.result, Engine(), second.typed_data()), result(plan.plain, Engine(), out->typed_data());
      plan.convolution.execute(
          stream, {{DNNL_ARG_SRC, one}, {DNNL_ARG_DIFF_DST, two}, {DNNL_ARG_DIFF_WEIGHTS, plan.kernel}});
      plan.reorder.execute(stream, plan.kernel, result);
    } else {
      memory two(plan.plain, Engine(), second.typed_data());
      memory result(kind == 1 ? plan.image : plan.result, Engine(), out->typed_data());
      plan.reorder.execute(stream, two, plan.kernel);
      plan.convolution.execute(stream, {{kind == 1 ? DNNL_ARG_DIFF_DST : DNNL_ARG_SRC, one},
                                        {DNNL_ARG_WEIGHTS, plan.kernel},
                                        {kind == 1 ? DNNL_ARG_DIFF_SRC : DNNL_ARG_DST, result}});
    }
    stream.wait();
  } catch (const dnnl::error& error) {
    return ffi::Error::Internal(error.what());
  }
  return ffi::Error::Success();
}

XLA_FFI_DEFINE_HANDLER_SYMBOL(Convolution, Convolve,
                              ffi::Ffi::Bind()
                                  .Arg<Array>()
                                  .Arg<Array>()
                                  .Ret<Array>()
                                  .Attr<int64_t>("kind")
                                  .Attr<int64_t>("stride")
                                  .Attr<int64_t>("top")
                                  .Attr<int64_t>("bottom")
                                  .Attr<int64_t>("left")
                                  .Attr<int64_t>("right"));
