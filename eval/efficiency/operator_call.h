#pragma once

#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>
#include <torch/types.h>

#include <string>
#include <vector>

namespace cigli {

enum class OperatorKind {
  layer,       // a network's work: convolution, matrix product, attention, norm, softmax, pooling, resampling, look-up
  arithmetic,  // whatever else computes: elementwise, sums, comparisons, filling
  movement,    // brings no new values: copies, conversions, concatenation, gathering
  view,        // no work: another look at the same memory, or memory that is not filled
};
const std::string& name(OperatorKind kind);
// What an operator of this schema is for, by its name and by whether it returns a view.
OperatorKind kind_of(const c10::FunctionSchema& schema);

// One call of an operator, without its data: tensors are on the meta device, with their sizes, strides and type.
struct OperatorCall {
  std::string name, overload;  // "aten::add", "Tensor"; name of a schema, or of a range marked in this program
  OperatorKind kind = OperatorKind::arithmetic;
  bool dispatched = true;  // false: a range that RECORD_FUNCTION("cigli::...") marks, which can't be called by name
  std::vector<c10::IValue> inputs, outputs;
  double seconds = 0;  // in the pass that was recorded
};

// Inputs as text, the same for calls that do the same work: "f32[8,64,32,32]nhwc, f32[64], 1e-05". Tensors that are not
// contiguous name their strides or "nhwc" (channels_last).
std::string input_text(const OperatorCall& call);
// For tables: the tensors among the inputs, and the name without LibTorch's "aten::".
std::string tensors_text(const OperatorCall& call);
std::string short_name(const OperatorCall& call);

// Floating-point operations, 2 a multiplication with its addition: of convolutions (a backward has one product for each
// of the input's and the weight's gradient that is asked for), matrix products, and attention (a backward counts five
// products for the forward's two, as fused kernels compute the scores again). 0 for all else.
double operator_flops(const OperatorCall& call);

// Bytes that the call must read and write: its inputs' distinct elements and its outputs'. 0 for views.
double operator_bytes(const OperatorCall& call);

// Type that the call computes in: its first floating-point tensor's, else its first tensor's, else undefined.
torch::ScalarType operator_type(const OperatorCall& call);

}  // namespace cigli
