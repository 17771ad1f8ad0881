#include "eval/features/reference.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "eval/features/extractor.h"
#include "eval/metrics/resampling.h"
#include "runtime/error.h"
#include "runtime/npy.h"

namespace cigli {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using torch::Tensor;

namespace {

std::int64_t count_of(const Tensor& n, const std::string& file) {
  const std::string array = file + ": array 'n'", expected = ", expected the number of images, a whole one from 2 on";
  if (n.numel() != 1) throw Error(array + " has " + std::to_string(n.numel()) + " numbers" + expected);
  constexpr double most = 9007199254740992;  // beyond, not every whole number is a double
  const double count = n.to(torch::kFloat64).item<double>();
  if (!(count >= 2 && count <= most) || std::floor(count) != count)
    throw Error(array + " is " + c10::str(count) + expected);
  return static_cast<std::int64_t>(count);
}

template <class T>
void check_member(const Json& identity, const char* key, const std::vector<T>& known, const std::string& array) {
  const auto found = identity.find(key);
  if (found == identity.end() || std::find(known.begin(), known.end(), *found) != known.end()) return;
  std::string expected;
  for (std::size_t i = 0; i < known.size(); ++i)
    expected += (i == 0 ? "" : i + 1 < known.size() ? ", " : " or ") + Json(known[i]).dump();
  throw Error(array + " has \"" + key + "\" " + found->dump() + ", expected " + expected);
}

// Of which features statistics are: texts and whole numbers, and of those that say what to compute, known ones.
Json identity_of(const Tensor& text, const std::string& file) {
  const std::string array = file + ": its array 'features'";
  const Tensor bytes = text.to(torch::kUInt8).contiguous().flatten();
  const auto* const begin = bytes.data_ptr<std::uint8_t>();
  Json identity = Json::parse(begin, begin + bytes.numel(), nullptr, false);
  if (!identity.is_object()) throw Error(array + " is no JSON object");
  for (const auto& [key, member] : identity.items())
    if (key == "layer" ? !member.is_number_integer() : !member.is_string() && !member.is_number_integer())
      throw Error(array + " has " + Json(key).dump() + " of type " + member.type_name() +
                  (key == "layer" ? ", expected a whole number" : ", expected text"));
  check_member(identity, "features", feature_names(), array);
  if (identity.value("features", Json()) != "inception") return identity;
  check_member(identity, "layer", inception_layers(), array);
  check_member(identity, "resampling",
               std::vector<std::string>{name(Resampling::tf1_bilinear), name(Resampling::torch_bilinear),
                                        name(Resampling::clean)},
               array);
  return identity;
}

// That rows [N,D] are those that mu and sigma are of. The covariances are compared along one direction, which takes
// N D steps where a covariance takes N D^2; it changes its sign without order, lest differences cancel.
void check_rows(const Tensor& rows, std::int64_t n, const Tensor& mu, const Tensor& sigma, const std::string& file) {
  const std::string array = file + ": array 'rows'";
  if (rows.dim() != 2 || rows.size(1) != mu.size(0))
    throw Error(array + " is " + c10::str(rows.sizes()) + ", expected [N, " + std::to_string(mu.size(0)) + "]");
  if (rows.size(0) < 2 || (n > 0 && rows.size(0) != n))
    throw Error(array + " has " + std::to_string(rows.size(0)) + " rows, expected " +
                (n > 0 ? "as many as 'n' says, " + std::to_string(n) : "2 or more"));
  const Tensor values = rows.to(torch::kFloat64), mean = values.mean(0), centred = values - mean;
  const Tensor direction = (torch::arange(1, mu.size(0) + 1, torch::kFloat64).pow(2) * 0.7).sin();
  const Tensor along = sigma.mv(direction);
  const Tensor of_rows = centred.t().mv(centred.mv(direction)) / static_cast<double>(rows.size(0) - 1);
  const auto norm = [](const Tensor& x) { return x.norm().item<double>(); };
  // Rounding far from the origin is no difference.
  constexpr double tolerance = 1e-6, rounding = 1e-18;
  const double spread = std::sqrt(std::max(0.0, sigma.trace().item<double>()));
  if (!mean.isfinite().all().item<bool>()) throw Error(array + " has values that are not finite");
  if (!(norm(mean - mu) <= tolerance * (norm(mu) + spread)))
    throw Error(array + " has another mean than mu, expected the rows that mu and sigma are of");
  if (!(norm(of_rows - along) <= tolerance * norm(along) + rounding * norm(mu) * norm(mu)))
    throw Error(array + " has another covariance than sigma, expected the rows that mu and sigma are of");
}

}  // namespace

void write_reference(const fs::path& file, const Moments& moments, const Json& identity, const Tensor& rows) {
  const Gaussian statistics = moments.gaussian();
  std::map<std::string, Tensor> arrays{
      {"mu", statistics.mean}, {"sigma", statistics.covariance()}, {"n", torch::tensor(moments.count())}};
  if (!identity.is_null()) {
    const std::string text = identity.dump();
    arrays["features"] = torch::empty({static_cast<std::int64_t>(text.size())}, torch::kUInt8);
    std::copy(text.begin(), text.end(), arrays["features"].data_ptr<std::uint8_t>());
  }
  if (rows.defined()) arrays["rows"] = rows;
  write_npz(file, arrays);
}

Reference read_reference(const fs::path& file) {
  const auto arrays = read_npz(file);
  for (const char* key : {"mu", "sigma"})
    if (arrays.count(key) == 0) throw Error(file.string() + ": no array '" + key + "', expected mu and sigma");
  Reference reference;
  reference.statistics = gaussian_of(arrays.at("mu"), arrays.at("sigma"), file.string());
  if (const auto n = arrays.find("n"); n != arrays.end()) reference.n = count_of(n->second, file.string());
  if (const auto text = arrays.find("features"); text != arrays.end())
    reference.identity = identity_of(text->second, file.string());
  if (const auto rows = arrays.find("rows"); rows != arrays.end()) {
    check_rows(rows->second, reference.n, reference.statistics.mean, arrays.at("sigma").to(torch::kFloat64),
               file.string());
    reference.rows = rows->second;
  }
  return reference;
}

Moments merged(const std::vector<fs::path>& files, Json& identity) {
  std::optional<Moments> all;
  for (auto file_at = files.begin(); file_at != files.end(); ++file_at) {
    const fs::path& file = *file_at;
    const Reference part = read_reference(file);
    const auto same = [&](const fs::path& other) {
      std::error_code ignored;
      return fs::equivalent(file, other, ignored);
    };
    if (std::any_of(files.begin(), file_at, same))
      throw Error(file.string() + ": stands twice, expected files of different images");
    if (part.n == 0) throw Error(file.string() + ": no array 'n', expected the number of images that it is of");
    check_identity(identity, files.front().string(), part.identity, file.string());
    if (identity.is_null()) identity = part.identity;
    const Moments moments(part.n, part.statistics);
    if (all && moments.dimensions() != all->dimensions())
      throw Error(file.string() + ": " + std::to_string(moments.dimensions()) + " dimensions, " +
                  files.front().string() + " has " + std::to_string(all->dimensions()));
    if (all)
      all->merge(moments);
    else
      all = moments;
  }
  if (!all) throw Error("no statistics to merge");
  return *all;
}

void check_identity(const Json& a, const std::string& name_a, const Json& b, const std::string& name_b) {
  if (a.is_null() || b.is_null()) return;
  for (const auto& [key, value] : a.items())
    if (b.value(key, Json()) != value)
      throw Error(name_a + " has " + key + " " + value.dump() + ", " + name_b + " " + b.value(key, Json()).dump() +
                  "; features of two kinds can't be compared");
}

}  // namespace cigli
