#include "eval/features/reference.h"

#include <torch/torch.h>

#include <map>
#include <optional>
#include <string>

#include "runtime/error.h"
#include "runtime/npy.h"

namespace cigli {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using torch::Tensor;

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
  if (const auto n = arrays.find("n"); n != arrays.end() && n->second.numel() == 1)
    reference.n = n->second.to(torch::kInt64).item<std::int64_t>();
  if (const auto text = arrays.find("features"); text != arrays.end()) {
    const Tensor bytes = text->second.to(torch::kUInt8).contiguous().flatten();
    const auto* const begin = bytes.data_ptr<std::uint8_t>();
    reference.identity = Json::parse(begin, begin + bytes.numel(), nullptr, false);
    if (!reference.identity.is_object()) throw Error(file.string() + ": its array 'features' is no JSON object");
  }
  if (const auto rows = arrays.find("rows"); rows != arrays.end()) {
    if (rows->second.dim() != 2 || rows->second.size(1) != reference.statistics.mean.size(0))
      throw Error(file.string() + ": array 'rows' is " + c10::str(rows->second.sizes()) + ", expected [N, " +
                  std::to_string(reference.statistics.mean.size(0)) + "]");
    reference.rows = rows->second;
  }
  return reference;
}

Moments merged(const std::vector<fs::path>& files, Json& identity) {
  std::optional<Moments> all;
  for (const fs::path& file : files) {
    const Reference part = read_reference(file);
    if (part.n < 2) throw Error(file.string() + ": no array 'n', expected the number of images that it is of");
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
