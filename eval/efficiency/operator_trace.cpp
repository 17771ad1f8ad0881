#include "eval/efficiency/operator_trace.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/record_function.h>
#include <torch/torch.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "runtime/error.h"

namespace cigli {
namespace {

using TraceClock = std::chrono::steady_clock;

double seconds_between(TraceClock::time_point begin, TraceClock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

struct OperatorEntry {
  OperatorKind kind;
  bool whole;  // recorded as one call
};

OperatorEntry entry_of(const c10::OperatorName& name) {
  const auto handle = c10::Dispatcher::singleton().findSchema(name);
  if (!handle) return {OperatorKind::arithmetic, false};
  const OperatorKind kind = kind_of(handle->schema());
  return {kind, kind == OperatorKind::layer || handle->hasKernelForDispatchKey(c10::DispatchKey::CPU)};
}

c10::IValue without_data(const c10::IValue& value) {
  if (value.isTensor()) {
    const torch::Tensor& tensor = value.toTensor();
    if (!tensor.defined()) return tensor;
    const auto options = torch::TensorOptions().dtype(tensor.scalar_type()).device(torch::kMeta);
    return tensor.layout() == torch::kStrided ? torch::empty_strided(tensor.sizes(), tensor.strides(), options)
                                              : torch::empty(tensor.sizes(), options);
  }
  if (value.isStorage()) return {};
  if (!value.isList()) return value;
  const c10::List<c10::IValue> list = value.toList();
  c10::impl::GenericList described(list.elementType());
  for (std::size_t i = 0; i < list.size(); ++i) described.push_back(without_data(list.get(i)));
  return described;
}

template <class Values>
std::vector<c10::IValue> all_without_data(const Values& values) {
  std::vector<c10::IValue> described;
  for (const c10::IValue& value : values) described.push_back(without_data(value));
  return described;
}

// RecordFunction::inputs() without its check, which compiled without NDEBUG reads a member that a LibTorch compiled
// with it never sets. An explicit instantiation may name private members.
c10::ArrayRef<const c10::IValue> inputs_of(const at::RecordFunction& function);
template <auto Inputs>
struct RecordedInputs {
  friend c10::ArrayRef<const c10::IValue> inputs_of(const at::RecordFunction& function) { return function.*Inputs; }
};
template struct RecordedInputs<&at::RecordFunction::inputs_>;

// An operator or marked range that ran.
struct TracedRun {
  OperatorCall call;  // its seconds are without what recording took; its tensors are described the first time alone
  bool whole = false, has_children = false;
  double children_seconds = 0;
};

// What is recorded at present; the pass's threads share it.
struct Recording {
  const std::vector<TracedRun>* known = nullptr;  // runs of the same pass, which now are timed alone
  std::vector<TracedRun> runs;                    // in the order in which they began
  std::unordered_map<c10::OperatorName, OperatorEntry> entries;
  double operator_seconds = 0;  // within outermost operators
  double cost = 0;              // that recording took, seconds
  double unseen_cost = 0;       // of one run, that it does not see of itself
  double pass_seconds = 0;
  std::mutex mutex;
};
std::atomic<Recording*> recording{nullptr};

struct OpenRun : at::ObserverContext {
  OpenRun* parent = nullptr;
  std::size_t place = 0;  // among the runs
  bool whole = false;
  double own_cost = 0, cost_within = 0;  // that recording took: of this run, of those within it
  TraceClock::time_point start;
};
thread_local OpenRun* innermost_run = nullptr;

// While it stands, this thread's operators are recording's own.
thread_local bool describing = false;
struct Describing {
  Describing() { describing = true; }
  ~Describing() { describing = false; }
};

TracedRun begun_run(Recording& record, const at::RecordFunction& function, const c10::OperatorName* name) {
  TracedRun run;
  run.call.name = name ? name->name : function.name();
  if (record.known) {
    run.whole = record.runs.size() < record.known->size() && (*record.known)[record.runs.size()].whole;
    return run;
  }
  OperatorEntry entry{OperatorKind::layer, true};  // of a marked range
  if (name) {
    run.call.overload = name->overload_name;
    const auto known = record.entries.find(*name);
    entry =
        known != record.entries.end() ? known->second : record.entries.emplace(*name, entry_of(*name)).first->second;
  }
  run.call.kind = entry.kind;
  run.call.dispatched = name != nullptr;
  run.whole = entry.whole;
  run.call.inputs = all_without_data(inputs_of(function));
  return run;
}

std::unique_ptr<at::ObserverContext> begin_run(const at::RecordFunction& function) {
  const auto entered = TraceClock::now();
  if (describing || (innermost_run && innermost_run->whole)) return nullptr;
  const auto name = function.operator_name();
  if (!name && std::string_view(function.name()).rfind("cigli::", 0) != 0) return nullptr;  // a node of autograd
  auto open = std::make_unique<OpenRun>();
  open->parent = innermost_run;
  {
    const Describing own;
    Recording& record = *recording;
    const std::lock_guard<std::mutex> lock(record.mutex);
    TracedRun run = begun_run(record, function, name ? &*name : nullptr);
    open->whole = run.whole;
    open->place = record.runs.size();
    record.runs.push_back(std::move(run));
    if (open->parent) record.runs[open->parent->place].has_children = true;
  }
  innermost_run = open.get();
  open->start = TraceClock::now();
  open->own_cost = seconds_between(entered, open->start);
  return open;
}

void end_run(const at::RecordFunction& function, at::ObserverContext* context) {
  const auto ended = TraceClock::now();
  if (context == nullptr) return;
  OpenRun& open = *static_cast<OpenRun*>(context);
  innermost_run = open.parent;
  const Describing own;
  Recording& record = *recording;
  const std::lock_guard<std::mutex> lock(record.mutex);
  TracedRun& run = record.runs[open.place];
  if (!record.known) run.call.outputs = all_without_data(function.outputs());
  run.call.seconds = std::max(0.0, seconds_between(open.start, ended) - open.cost_within);
  (open.parent ? record.runs[open.parent->place].children_seconds : record.operator_seconds) += run.call.seconds;
  const double cost = open.own_cost + open.cost_within + record.unseen_cost + seconds_between(ended, TraceClock::now());
  (open.parent ? open.parent->cost_within : record.cost) += cost;
}

// While it stands, operators of this thread, and of those that autograd starts for it, are recorded.
class Recorder {
 public:
  explicit Recorder(Recording& record) {
    Recording* none = nullptr;
    if (!recording.compare_exchange_strong(none, &record)) throw Error("operators are recorded already");
    // Handing inputs and outputs on takes longer than many an operator.
    const bool first = record.known == nullptr;
    handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(begin_run, end_run)
                                             .needsInputs(first)
                                             .needsOutputs(first)
                                             .scopes({at::RecordScope::FUNCTION}));
  }
  ~Recorder() {
    at::removeCallback(handle_);
    recording = nullptr;
  }
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

 private:
  at::CallbackHandle handle_;
};

void record_pass(const std::function<void()>& pass, Recording& record) {
  if (record.known) record.runs.reserve(record.known->size());
  const Recorder recorder(record);
  const auto begin = TraceClock::now();
  pass();
  record.pass_seconds = seconds_between(begin, TraceClock::now());
}

double middle_of_timings(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Seconds that recording adds to an operator outside of the callbacks, which see only themselves.
double unseen_cost() {
  constexpr int operators = 300, repeats = 5;
  const torch::Tensor one = torch::ones({1});
  const auto pass = [&] {
    for (int i = 0; i < operators; ++i) one.add(one);
  };
  Recording described;
  record_pass(pass, described);
  std::vector<double> plain, recorded;
  for (int i = 0; i < repeats; ++i) {
    const auto begin = TraceClock::now();
    pass();
    plain.push_back(seconds_between(begin, TraceClock::now()));
    Recording timed;
    timed.known = &described.runs;
    record_pass(pass, timed);
    recorded.push_back(timed.pass_seconds - timed.cost);
  }
  return std::max(0.0, middle_of_timings(recorded) - middle_of_timings(plain)) / operators;
}

bool same_runs(const Recording& a, const Recording& b) {
  return std::equal(a.runs.begin(), a.runs.end(), b.runs.begin(), b.runs.end(),
                    [](const TracedRun& x, const TracedRun& y) { return x.call.name == y.call.name; });
}

}  // namespace

OperatorTrace trace_operators(const std::function<void()>& pass) {
  constexpr int timings = 3;
  const double unseen = unseen_cost();
  std::deque<Recording> recordings(1);
  record_pass(pass, recordings[0]);
  for (int i = 0; i < timings; ++i) {
    recordings.emplace_back().known = &recordings[0].runs;
    recordings.back().unseen_cost = unseen;
    record_pass(pass, recordings.back());
    if (!same_runs(recordings[0], recordings.back())) recordings.pop_back();
  }
  // What describing costs shows in the first one's times: they count only where no other ran the same operators.
  const auto middle = [&](const auto& value) {
    std::vector<double> values;
    for (std::size_t i = recordings.size() > 1 ? 1 : 0; i < recordings.size(); ++i)
      values.push_back(value(recordings[i]));
    return middle_of_timings(std::move(values));
  };
  OperatorTrace trace;
  trace.outside_seconds =
      middle([](const Recording& r) { return std::max(0.0, r.pass_seconds - r.cost - r.operator_seconds); });
  for (std::size_t i = 0; i < recordings[0].runs.size(); ++i) {
    TracedRun& run = recordings[0].runs[i];
    trace.operators += run.call.dispatched;
    const double own = middle([i](const Recording& r) { return r.runs[i].call.seconds - r.runs[i].children_seconds; });
    trace.seconds += own;
    if (run.has_children) {
      trace.composite_seconds += own;
      continue;
    }
    run.call.seconds = own;
    trace.calls.push_back(std::move(run.call));
  }
  trace.seconds += trace.outside_seconds;
  return trace;
}

}  // namespace cigli
