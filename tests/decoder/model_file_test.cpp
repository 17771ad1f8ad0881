#include "decoder/model_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/hash.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

class ModelFile : public testing::Test {
 protected:
  ModelFile() {
    ModelOptions o;
    o.height = o.width = o.prompt_height = o.prompt_width = 16;
    o.text.width = o.fusion.width = 32;
    o.image.widths = {16, 32, 32};
    o.decoder.widths = {32, 48};
    o.decoder.blocks = {1, 1};
    o.sampling.steps = 5;
    model_ = Generator(o, Tokenizer::train({"a red circle", "a red square"}, 520));
    model_->remember_words({"a red circle", "a red square"});
  }

  // Saves the model after a change to the file's content and returns what loading says.
  std::string fault_after(const std::function<void(TensorFile&)>& change) {
    const fs::path file = folder_ / "changed.safetensors";
    save_model(file, model_);
    TensorFile content = read_safetensors(file);
    change(content);
    write_safetensors(file, content);
    return fault_of(file);
  }
  static std::string fault_of(const fs::path& path) {
    const std::string fault = error_of([&] { load_model(path); });
    EXPECT_TRUE(fault.empty() || fault.find(path.string()) != std::string::npos) << fault;
    EXPECT_EQ(fault.find('\n'), std::string::npos) << fault;
    return fault;
  }

  const TemporaryFolder folder_;
  Generator model_{nullptr};
};

TEST_F(ModelFile, BringsEverythingBack) {
  const fs::path file = folder_ / "model.safetensors";
  save_model(file, model_, false, {{"note", "mine"}});
  ModelInfo info;
  Generator read = load_model(file, &info);
  for (const auto& item : model_->named_parameters())
    EXPECT_TRUE(torch::equal(item.value(), read->named_parameters()[item.key()])) << item.key();
  EXPECT_EQ(read->options.sampling.steps, 5);
  EXPECT_EQ(read->options.decoder.widths, model_->options.decoder.widths);
  EXPECT_EQ(read->tokenizer.encode("a red circle"), model_->tokenizer.encode("a red circle"));
  EXPECT_EQ(read->words, model_->words);
  EXPECT_EQ(info.metadata.at("note"), "mine");
  EXPECT_EQ(info.hash, sha256_file(file));
  EXPECT_EQ(info.file, file);
  const std::string bytes = read_file(file);
  save_model(file, read, false, {{"note", "mine"}});
  EXPECT_EQ(read_file(file), bytes);
}

TEST_F(ModelFile, HalvesItsSizeInBfloat16) {
  save_model(folder_ / "full.safetensors", model_);
  save_model(folder_ / "half.safetensors", model_, true);
  EXPECT_LT(fs::file_size(folder_ / "half.safetensors"), 0.6 * fs::file_size(folder_ / "full.safetensors"));
  Generator read = load_model(folder_ / "half.safetensors");
  for (const auto& item : model_->named_parameters()) {
    const torch::Tensor value = read->named_parameters()[item.key()];
    EXPECT_EQ(value.scalar_type(), torch::kFloat32);
    EXPECT_TRUE(torch::equal(item.value().to(torch::kBFloat16).to(torch::kFloat32), value)) << item.key();
  }
}

TEST_F(ModelFile, ARunFolderGivesItsNewestModel) {
  EXPECT_NE(fault_of(folder_).find("expected a run folder"), std::string::npos);
  fs::create_directories(folder_ / "checkpoints");
  save_model(folder_ / "checkpoints/step-00000020.safetensors", model_, false, {{"cigli.step", "20"}});
  save_model(folder_ / "checkpoints/step-00000100.safetensors", model_, false, {{"cigli.step", "100"}});
  EXPECT_EQ(find_model(folder_).filename(), "step-00000100.safetensors");
  save_model(folder_ / "model.safetensors", model_, false, {{"cigli.step", "100"}});
  EXPECT_EQ(find_model(folder_).filename(), "model.safetensors");
  save_model(folder_ / "checkpoints/step-00000120.safetensors", model_, false, {{"cigli.step", "120"}});
  EXPECT_EQ(find_model(folder_).filename(), "step-00000120.safetensors");
}

TEST_F(ModelFile, NamesTheTensorThatDoesNotFit) {
  const std::string name = "weights." + model_->named_parameters().front().key();
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos ? testing::AssertionSuccess() : testing::AssertionFailure() << text;
  };
  EXPECT_TRUE(has(fault_after([&](TensorFile& f) { f.tensors.erase(name); }), name + " is missing"));
  EXPECT_TRUE(has(fault_after([&](TensorFile& f) { f.tensors[name] = torch::zeros({3, 2}); }), name + " is [3, 2]"));
  EXPECT_TRUE(has(fault_after([](TensorFile& f) { f.tensors["weights.more"] = torch::zeros({1}); }), "weights.more"));
  EXPECT_TRUE(has(fault_after([](TensorFile& f) { f.tensors["strange"] = torch::zeros({1}); }), "strange"));
  for (const torch::Dtype type : {torch::kFloat32, torch::kBFloat16})
    for (const double value : {NAN, INFINITY, -INFINITY}) {
      const std::string fault = fault_after([&](TensorFile& f) {
        f.tensors[name] = f.tensors[name].to(type).contiguous().clone();
        f.tensors[name].view({-1})[-1] = value;
      });
      EXPECT_TRUE(has(fault, name + " has a value that is not finite"));
    }
  EXPECT_EQ(fault_after([](TensorFile& f) { f.tensors["training.m.x"] = torch::zeros({1}); }), "");
}

TEST_F(ModelFile, RefusesMetadataItCannotRead) {
  const auto with = [&](const std::string& key, const std::string& value) {
    return fault_after([&](TensorFile& f) { f.metadata[key] = value; });
  };
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos ? testing::AssertionSuccess() : testing::AssertionFailure() << text;
  };
  EXPECT_TRUE(has(with("cigli.format", "other-model-7"), "other-model-7"));
  EXPECT_TRUE(has(with("cigli.options", "no json"), "cigli.options"));
  EXPECT_TRUE(has(with("cigli.options", R"({"colour": 3})"), "colour"));
  EXPECT_TRUE(has(with("cigli.options", R"({"decoder": {"widths": []}})"), "changed.safetensors"));
  EXPECT_TRUE(has(with("cigli.options", R"({"height": 18})"), "changed.safetensors"));
  EXPECT_TRUE(has(with("cigli.merges", "a b c d"), "cigli.merges"));
  for (const char* key : {"cigli.format", "cigli.options", "cigli.merges", "cigli.words"})
    EXPECT_TRUE(has(fault_after([&](TensorFile& f) { f.metadata.erase(key); }), key));
}

// Options that ask for gigabytes, in a file of some hundred kilobytes.
TEST_F(ModelFile, TakesNoMoreMemoryThanTheFileIsWorth) {
  using Lists = std::vector<std::int64_t>;
  const auto with = [&](const std::string& path, const nlohmann::json& value) {
    return fault_after([&](TensorFile& f) {
      auto options = nlohmann::json::parse(f.metadata["cigli.options"]);
      options[nlohmann::json::json_pointer(path)] = value;
      f.metadata["cigli.options"] = options.dump();
    });
  };
  const std::map<std::string, nlohmann::json> huge{{"/image/widths", Lists(3, 4096)},
                                                   {"/text/width", 4096},
                                                   {"/fusion/width", 4096},
                                                   {"/decoder/widths", Lists(2, 4096)}};
  for (const auto& [path, value] : huge)
    EXPECT_NE(with(path, value).find("far more weights than the file"), std::string::npos) << path;
  for (const char* path : {"/image/widths", "/decoder/widths"})
    EXPECT_NE(with(path, Lists(64, 32)).find("names 64 resolutions"), std::string::npos) << path;
}

TEST_F(ModelFile, RefusesWhatIsNoSafetensorsFile) {
  const fs::path file = folder_ / "bad.safetensors";
  save_model(file, model_);
  const std::string bytes = read_file(file);
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{100}, bytes.size() - 1}) {
    write_file(file, std::string_view(bytes).substr(0, size));
    EXPECT_NE(fault_of(file), "") << size;
  }
  EXPECT_NE(fault_of(folder_ / "absent.safetensors"), "");
}

}  // namespace
}  // namespace cigli
