#pragma once

#include <ATen/EmptyTensor.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>
#include <torch/torch.h>
#include <torch/version.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <vector>
#if TORCH_VERSION_MAJOR > 1
#include <ATen/detail/XPUHooksInterface.h>
#endif

// A device whose memory is the process's own and whose operators run on the CPU, but that refuses, as a GPU does,
// tensors of another device beside its own (single values aside): what a network or a training forgets to move throws.
// It takes the place of LibTorch's XPU. To be included by one source of a program, as it registers itself.
namespace cigli::pretended_gpu {

inline const c10::Device device{c10::kXPU, 0};

struct Memory : c10::Allocator {
  static void release(void* memory) { std::free(memory); }
  static c10::DataPtr made(std::size_t bytes) {
    void* const memory = std::calloc(bytes + 1, 1);
    return {memory, memory, release, device};
  }
#if TORCH_VERSION_MAJOR == 1
  c10::DataPtr allocate(std::size_t bytes) const override { return made(bytes); }
#else
  c10::DataPtr allocate(std::size_t bytes) override { return made(bytes); }
  void copy_data(void* to, const void* from, std::size_t count) const override { std::memcpy(to, from, count); }
#endif
  c10::DeleterFnPtr raw_deleter() const override { return release; }
};
inline Memory memory;

// Of one stream, where everything is done at once.
struct Guard : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return device.type(); }
  c10::Device getDevice() const override { return device; }
  c10::Device exchangeDevice(c10::Device) const override { return device; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  c10::Stream getStream(c10::Device) const noexcept override { return c10::Stream(c10::Stream::DEFAULT, device); }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return c10::Stream(c10::Stream::DEFAULT, device); }
  void record(void**, const c10::Stream&, const c10::DeviceIndex, const c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void destroyEvent(void*, const c10::DeviceIndex) const noexcept override {}
};
inline const c10::impl::DeviceGuardImplRegistrar registered_guard{c10::kXPU, new Guard};

// The same memory, seen as the CPU's.
inline at::Tensor on_cpu(const at::Tensor& values) {
  if (values.device().is_cpu()) return values;
  return at::from_blob(values.data_ptr(), values.sizes(), values.strides(), values.options().device(at::kCPU));
}

inline at::Tensor empty(at::IntArrayRef size, c10::optional<at::ScalarType> type, c10::optional<at::Layout>,
                        c10::optional<at::Device>, c10::optional<bool>, c10::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &memory, c10::DispatchKeySet(c10::DispatchKey::XPU),
                                   c10::dtype_or_default(type), format);
}
inline at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride, c10::optional<at::ScalarType> type,
                                c10::optional<at::Layout>, c10::optional<at::Device>, c10::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &memory, c10::DispatchKeySet(c10::DispatchKey::XPU),
                                           c10::dtype_or_default(type));
}
inline at::Tensor& copy(at::Tensor& to, const at::Tensor& from, bool) {
  on_cpu(to).copy_(on_cpu(from));
  return to;
}
inline at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool) {
  on_cpu(to).copy_(on_cpu(from));
  return to;
}
inline const at::Tensor& resized_in_place(const at::Tensor& values, at::IntArrayRef size,
                                          c10::optional<at::MemoryFormat>) {
  if (values.sizes() == size) return values;
  const at::Tensor fresh = at::empty(size, values.options());
  values.unsafeGetTensorImpl()->set_storage_keep_dtype(fresh.storage());
  values.unsafeGetTensorImpl()->set_sizes_contiguous(size);
  return values;
}
inline at::Tensor copy_from_and_resize(const at::Tensor& from, const at::Tensor& to) {
  return copy_from(from, resized_in_place(to, from.sizes(), c10::nullopt), false);
}

inline at::Tensor convolution(const at::Tensor& x, const at::Tensor& weight, const c10::optional<at::Tensor>& bias,
                              at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation,
                              bool transposed, at::IntArrayRef output_padding, std::int64_t groups) {
  const bool biased = bias && bias->defined();
  return at::convolution(on_cpu(x), on_cpu(weight), biased ? c10::make_optional(on_cpu(*bias)) : c10::nullopt, stride,
                         padding, dilation, transposed, output_padding, groups)
      .to(device);
}
inline std::tuple<at::Tensor, at::Tensor, at::Tensor> convolution_backward(
    const at::Tensor& gradient, const at::Tensor& x, const at::Tensor& weight, at::IntArrayRef stride,
    at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed, at::IntArrayRef output_padding,
    std::int64_t groups, std::array<bool, 3> wanted) {
  const auto [of_x, of_weight, of_bias] =
      at::convolution_backward(on_cpu(gradient), on_cpu(x), on_cpu(weight), weight.sizes().slice(0, 1), stride, padding,
                               dilation, transposed, output_padding, groups, wanted);
  const auto moved = [](const at::Tensor& each) { return each.defined() ? each.to(device) : each; };
  return {moved(of_x), moved(of_weight), moved(of_bias)};
}

#if TORCH_VERSION_MAJOR > 1
// LibTorch chooses between ways to compute it by a table that has no XPU. A mask of truths says what is attended to.
inline void attention(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const std::size_t given = op.schema().arguments().size();
  const auto argument = [&](std::size_t i) { return torch::jit::peek(*stack, i, given).toOptional<at::Tensor>(); };
  for (std::size_t i = 4; i < given; ++i)
    TORCH_CHECK(torch::jit::peek(*stack, i, given) == op.schema().arguments()[i].default_value(),
                "only plain attention");
  const at::Tensor q = *argument(0), k = *argument(1), v = *argument(2);
  c10::optional<at::Tensor> mask = argument(3);
  if (mask && mask->scalar_type() == at::kBool)
    mask = at::zeros_like(*mask, q.options()).masked_fill(mask->logical_not(), -INFINITY);
  torch::jit::drop(*stack, given);
  stack->emplace_back(std::get<0>(at::_scaled_dot_product_attention_math(q, k, v, mask)));
}
#endif

// All other operators.
inline void refuse_others(const c10::OperatorHandle& op, const at::Tensor& values) {
  TORCH_CHECK(!values.defined() || values.dim() == 0 || values.device() == device, op.operator_name(),
              " gets a tensor ", values.sizes(), " of ", values.device());
}
// cpu_fallback forgets about lists: those that are written to, and those that come back.
inline void run_lists_on_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto each = [](c10::IValue& value, const auto& change) {
    if (!value.isTensorList()) return;
    std::vector<at::Tensor> tensors = value.toTensorVector();
    for (at::Tensor& tensor : tensors) tensor = change(tensor);
    value = std::move(tensors);
  };
  for (c10::IValue& value : *stack) each(value, on_cpu);
  op.callBoxed(stack);
  for (c10::IValue& value : *stack) each(value, [](const at::Tensor& tensor) { return tensor.to(device); });
}
inline void run_on_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  for (const c10::IValue& value : torch::jit::last(*stack, op.schema().arguments().size())) {
    if (value.isTensor()) refuse_others(op, value.toTensor());
    if (value.isTensorList())
      for (const at::Tensor& each : value.toTensorVector()) refuse_others(op, each);
  }
  if (op.schema().name().rfind("aten::_foreach_", 0) == 0) return run_lists_on_cpu(op, stack);
  // Newer LibTorch leaves it to XPU's kernel, not to the CPU's, to see to the layout.
  if (op.schema().name() == "aten::native_group_norm_backward")
    for (c10::IValue& value : *stack)
      if (value.isTensor() && value.toTensor().defined()) value = value.toTensor().contiguous();
  at::native::cpu_fallback(op, stack);
}

}  // namespace cigli::pretended_gpu

#if TORCH_VERSION_MAJOR > 1 && !defined(CIGLI_CUDA)
namespace cigli::pretended_gpu {
// Autograd asks for the stream of the one accelerator, which must be this; of a LibTorch with CUDA it never is.
struct Hooks : at::XPUHooksInterface {
  explicit Hooks(at::XPUHooksArgs) {}
  bool hasXPU() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  bool isBuilt() const { return true; }  // overrides that of newer LibTorch
};
}  // namespace cigli::pretended_gpu
namespace at {
using XPUHooks = cigli::pretended_gpu::Hooks;  // LibTorch looks for this name
REGISTER_XPU_HOOKS(XPUHooks);
}  // namespace at
#endif

TORCH_LIBRARY_IMPL(_, XPU, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&cigli::pretended_gpu::run_on_cpu>());
}
TORCH_LIBRARY_IMPL(aten, XPU, m) {
  m.impl("empty.memory_format", cigli::pretended_gpu::empty);
  m.impl("empty_strided", cigli::pretended_gpu::empty_strided);
  m.impl("copy_", cigli::pretended_gpu::copy);
  m.impl("_copy_from", cigli::pretended_gpu::copy_from);
  m.impl("_copy_from_and_resize", cigli::pretended_gpu::copy_from_and_resize);
  m.impl("resize_", cigli::pretended_gpu::resized_in_place);
  m.impl("convolution_overrideable", cigli::pretended_gpu::convolution);
  m.impl("convolution_backward_overrideable", cigli::pretended_gpu::convolution_backward);
  m.impl("as_strided", at::native::as_strided_tensorimpl);
  m.impl("unfold", at::native::unfold);
  m.impl("view", at::native::view);
  m.impl("_reshape_alias", at::native::_reshape_alias);
#if TORCH_VERSION_MAJOR > 1
  m.impl("scaled_dot_product_attention", torch::CppFunction::makeFromBoxedFunction<&cigli::pretended_gpu::attention>());
#endif
}
#if TORCH_VERSION_MAJOR > 1
TORCH_LIBRARY_IMPL(aten, AutogradXPU, m) {
  m.impl("scaled_dot_product_attention", torch::CppFunction::makeFromBoxedFunction<&cigli::pretended_gpu::attention>());
}
#endif
