#include "encoders/clip.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "encoders/tokenizer.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/npy.h"
#include "tests/small_clip.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

using nlohmann::json;
using torch::Tensor;
namespace fs = std::filesystem;

const fs::path clip_reference = fs::path(CIGLI_TEST_DATA) / "oracles/clip";
const fs::path clip_merges = fs::path(CIGLI_TEST_DATA) / "data/clip/bpe_simple_vocab_16e6.txt.gz";

// The reference's small model, made once.
const TensorFile& reference_file() {
  static const TensorFile file = [] {
    const json expected = json::parse(read_file(clip_reference / "expected.json"));
    return test::clip_file(expected.at("salt"), expected.at("tensors").get<test::ClipShapes>());
  }();
  return file;
}

Clip reference_clip(torch::Dtype dtype, const ClipOptions& options = {}) {
  PretrainedWeights weights(reference_file(), "reference");
  return Clip(weights, options, dtype);
}

Tensor expected(const std::string& name) { return read_npy(clip_reference / (name + ".npy")).to(torch::kFloat64); }
Tensor reference_images() { return read_npy(clip_reference / "images.npy").permute({0, 3, 1, 2}); }
Tensor reference_ids() { return read_npy(clip_reference / "ids.npy").to(torch::kInt64); }

Tensor cosines(const Tensor& a, const Tensor& b) {
  const Tensor x = a.to(torch::kFloat64), y = b.to(torch::kFloat64);
  return torch::matmul(x / x.norm(2, 1, true), (y / y.norm(2, 1, true)).t());
}

// Largest difference against the largest value.
double relative_error(const Tensor& found, const Tensor& wanted) {
  if (found.sizes() != wanted.sizes()) return std::numeric_limits<double>::infinity();
  const Tensor truth = wanted.to(torch::kFloat64);
  return ((found.to(torch::kFloat64) - truth).abs().max() / truth.abs().max()).item<double>();
}

Clip small_clip(const TensorFile& file, const ClipOptions& options = {}) {
  PretrainedWeights weights(file, "small");
  return Clip(weights, options, torch::kFloat64);
}

Tensor small_images() { return 255 * test::formula_uniform("small", "images", {5, 3, 24, 24}); }
Tensor small_ids() { return (599 * test::formula_uniform("small", "ids", {5, 12})).to(torch::kInt64); }

TEST(ClipReference, BothTowersEqualItInDoublePrecision) {
  if (!fs::exists(clip_reference)) GTEST_SKIP() << "no reference values of CLIP in " << clip_reference;
  const Clip clip = reference_clip(torch::kFloat64);
  const Tensor images = clip.embed_images(reference_images()), texts = clip.embed_texts(reference_ids());
  EXPECT_LT(relative_error(images, expected("image_embeds")), 1e-12);
  EXPECT_LT(relative_error(texts, expected("text_embeds")), 1e-12);
  // These are stored in single precision, and the cosines in nine digits.
  EXPECT_LT(relative_error(clip.image_tokens(reference_images()), expected("image_tokens")), 1e-7);
  EXPECT_LT(relative_error(clip.text_tokens(reference_ids()).slice(1, 0, 32), expected("text_tokens")), 1e-7);
  const json rows = json::parse(read_file(clip_reference / "expected.json")).at("cosine");
  const Tensor cosine = cosines(images, texts);
  for (std::int64_t i = 0; i < cosine.size(0); ++i)
    for (std::int64_t j = 0; j < cosine.size(1); ++j)
      EXPECT_NEAR(cosine[i][j].item<double>(), rows.at(i).at(j).get<double>(), 1e-9) << i << ", " << j;
}

TEST(ClipReference, LowerPrecisionsStayNear) {
  if (!fs::exists(clip_reference)) GTEST_SKIP() << "no reference values of CLIP in " << clip_reference;
  for (const auto& [dtype, tolerance] : {std::pair(torch::kFloat32, 1e-5), std::pair(torch::kBFloat16, 0.05)}) {
    const Clip clip = reference_clip(dtype);
    const Tensor images = clip.embed_images(reference_images()), texts = clip.embed_texts(reference_ids());
    EXPECT_EQ(images.scalar_type(), dtype);
    EXPECT_EQ(texts.scalar_type(), dtype);
    EXPECT_LT(relative_error(images, expected("image_embeds")), tolerance);
    EXPECT_LT(relative_error(texts, expected("text_embeds")), tolerance);
    EXPECT_LT(relative_error(clip.image_tokens(reference_images()), expected("image_tokens")), tolerance);
    EXPECT_LT(relative_error(clip.text_tokens(reference_ids()).slice(1, 0, 32), expected("text_tokens")), tolerance);
  }
}

TEST(ClipReference, TokenizedTextsAreCutAtTheContext) {
  if (!fs::exists(clip_reference) || !fs::exists(clip_merges))
    GTEST_SKIP() << "no reference values of CLIP, or no merges";
  const Tokenizer tokenizer = Tokenizer::load(clip_merges);
  const Clip clip = reference_clip(torch::kFloat64);
  ASSERT_EQ(tokenizer.vocabulary(), clip.vocabulary());
  const auto texts =
      json::parse(read_file(clip_reference / "expected.json")).at("texts").get<std::vector<std::string>>();
  const TokenBatch all = tokenize(tokenizer, texts, clip.context());
  EXPECT_TRUE(all.truncated.back());
  EXPECT_LT(relative_error(clip.embed_texts(all.ids), expected("text_embeds")), 1e-12);
  const TokenBatch few = tokenize(tokenizer, {texts[0], texts[2]}, clip.context());  // padded to 8, not to 77
  EXPECT_LT(relative_error(clip.embed_texts(few.ids), expected("text_embeds").index_select(0, torch::tensor({0, 2}))),
            1e-12);
}

TEST(ClipReference, HeadsSayHowChannelsAttend) {
  if (!fs::exists(clip_reference)) GTEST_SKIP() << "no reference values of CLIP in " << clip_reference;
  const Clip two = reference_clip(torch::kFloat64, {{2, true}, {4, true}});
  EXPECT_LT(relative_error(two.embed_images(reference_images()), expected("image_embeds")), 1e-12);
  EXPECT_GT(relative_error(two.embed_texts(reference_ids()), expected("text_embeds")), 1e-3);
}

TEST(Clip, TakesItsSizesFromTheTensors) {
  const TemporaryFolder folder;
  TensorFile file = test::small_clip_file();
  file.tensors["logit_scale"] = torch::tensor(2.5);
  file.tensors["text_model.embeddings.position_ids"] = torch::arange(12).unsqueeze(0);
  write_safetensors(folder / "model.safetensors", file);
  PretrainedWeights weights(folder / "model.safetensors");
  const Clip clip(weights);
  EXPECT_EQ(clip.image_size(), 24);
  EXPECT_EQ(clip.width(), 20);
  EXPECT_EQ(clip.context(), 12);
  EXPECT_EQ(clip.vocabulary(), 600);
  EXPECT_EQ(clip.image_tokens(small_images()).sizes(), (at::IntArrayRef{5, 10, 64}));
  EXPECT_EQ(clip.text_tokens(small_ids().slice(1, 0, 7)).sizes(), (at::IntArrayRef{5, 7, 128}));
  EXPECT_LT(relative_error(clip.embed_images(small_images()), small_clip(file).embed_images(small_images())), 1e-5);
}

TEST(Clip, ABatchGivesWhatItsMembersGiveAlone) {
  const Clip clip = small_clip(test::small_clip_file());
  const Tensor pictures = small_images().to(torch::kUInt8), ids = small_ids();
  const Tensor images = clip.embed_images(pictures), texts = clip.embed_texts(ids);
  ASSERT_EQ(images.sizes(), (at::IntArrayRef{5, 20}));
  for (std::int64_t i = 0; i < 5; ++i) {
    EXPECT_LT(
        relative_error(clip.embed_images(pictures.slice(0, i, i + 1).to(torch::kFloat32)), images.slice(0, i, i + 1)),
        1e-12);
    EXPECT_LT(relative_error(clip.embed_texts(ids.slice(0, i, i + 1)), texts.slice(0, i, i + 1)), 1e-12);
  }
  EXPECT_GT(relative_error(images.slice(0, 0, 4), images.slice(0, 1, 5)), 1e-3);
  EXPECT_GT(relative_error(texts.slice(0, 0, 4), texts.slice(0, 1, 5)), 1e-3);
}

TEST(Clip, NoTokenOfATextSeesALaterOne) {
  const Clip clip = small_clip(test::small_clip_file());
  Tensor ids = small_ids(), changed = ids.clone();
  changed.slice(1, 6).fill_(3);
  const Tensor before = clip.text_tokens(ids), after = clip.text_tokens(changed);
  EXPECT_LT(relative_error(after.slice(1, 0, 6), before.slice(1, 0, 6)), 1e-12);
  EXPECT_GT(relative_error(after.slice(1, 6), before.slice(1, 6)), 1e-3);
  for (Tensor* rows : {&ids, &changed}) rows->select(1, 5).fill_(599);
  ids.select(1, 8).fill_(599);  // a second end
  EXPECT_LT(relative_error(clip.embed_texts(ids), clip.embed_texts(changed)), 1e-12);
  EXPECT_LT(relative_error(clip.embed_texts(ids.slice(1, 0, 6)), clip.embed_texts(changed)), 1e-12);
}

TEST(Clip, AppliesTheActivationOfEachTower) {
  // Without attention a text's tokens are a closed form of their own embedding.
  TensorFile file = test::small_clip_file();
  const std::string layer = "text_model.encoder.layers.0.";
  for (const char* part : {"self_attn.out_proj.weight", "self_attn.out_proj.bias"})
    file.tensors.at(layer + part).zero_();
  for (auto entry = file.tensors.begin(); entry != file.tensors.end();)
    entry = entry->first.find("text_model.encoder.layers.1.") == 0 ? file.tensors.erase(entry) : std::next(entry);
  const auto at = [&](const std::string& name) { return file.tensors.at(name).to(torch::kFloat64); };
  const auto norm = [&](const Tensor& x, const std::string& name) {
    const Tensor centred = x - x.mean(-1, true);
    return centred / (centred.square().mean(-1, true) + 1e-5).sqrt() * at(name + ".weight") + at(name + ".bias");
  };
  const Tensor x = at("text_model.embeddings.token_embedding.weight").index({small_ids()}) +
                   at("text_model.embeddings.position_embedding.weight");
  const Tensor h =
      torch::linear(norm(x, layer + "layer_norm2"), at(layer + "mlp.fc1.weight"), at(layer + "mlp.fc1.bias"));
  for (const bool quick : {true, false}) {
    const Tensor active = quick ? h / (1 + torch::exp(-1.702 * h)) : h * (1 + torch::erf(h / std::sqrt(2.0))) / 2;
    const Tensor y = x + torch::linear(active, at(layer + "mlp.fc2.weight"), at(layer + "mlp.fc2.bias"));
    const Clip clip = small_clip(file, {{0, !quick}, {0, quick}});
    EXPECT_LT(relative_error(clip.text_tokens(small_ids()), norm(y, "text_model.final_layer_norm")), 1e-12) << quick;
  }
}

TEST(Clip, ErrorsNameFileAndTensors) {
  const auto message = [](const std::function<void(std::map<std::string, Tensor>&)>& change) {
    TensorFile file = test::small_clip_file();
    change(file.tensors);
    return error_of([&] { small_clip(file); });
  };
  EXPECT_EQ(message([](auto& tensors) { tensors.erase("visual_projection.weight"); }),
            "small: tensor visual_projection.weight is missing");
  EXPECT_EQ(message([](auto& tensors) {
              tensors.erase("text_model.encoder.layers.1.layer_norm1.weight");
              tensors["text_projection.weight"] = torch::zeros({21, 128});
            }),
            "small: text_model.encoder.layers.1.layer_norm1.weight is missing; "
            "text_projection.weight is [21, 128], expected [20, 128]");
  EXPECT_EQ(message([](auto& tensors) {
              tensors["vision_model.embeddings.patch_embedding.weight"] = torch::zeros({64, 1, 8, 8});
            }),
            "small: vision_model.embeddings.patch_embedding.weight is [64, 1, 8, 8], expected [64, 3, 8, 8]");
  EXPECT_EQ(message([](auto& tensors) {
              tensors["vision_model.embeddings.position_embedding.weight"] = torch::zeros({9, 64});
            }),
            "small: tensor vision_model.embeddings.position_embedding.weight has 9 rows, expected a square number and "
            "one more");
  EXPECT_EQ(message([](auto& tensors) {
              tensors["text_model.embeddings.token_embedding.weight"] = torch::zeros({0, 49984});
            }),
            "small: tensor text_model.embeddings.token_embedding.weight is [0, 49984], without a value");
  // Stand-ins for what is missing take no more memory than the file: 20 GB of them here.
  EXPECT_NE(message([](auto& tensors) {
              tensors["text_model.embeddings.token_embedding.weight"] = torch::zeros({1, 49984});
            }).find("self_attn.q_proj.weight is [128, 128], expected [49984, 49984]"),
            std::string::npos);
  // A layer that is left out between others is no smaller model.
  EXPECT_NE(message([](auto& tensors) {
              for (auto entry = tensors.begin(); entry != tensors.end();)
                entry = entry->first.find("vision_model.encoder.layers.1.") == 0 ? tensors.erase(entry) : ++entry;
            }).find("vision_model.encoder.layers.1.self_attn.q_proj.weight is missing"),
            std::string::npos);
}

TEST(Clip, RefusesHeadsThatDoNotFit) {
  EXPECT_EQ(error_of([] {
              small_clip(test::small_clip_file(), {{3, true}, {}});
            }),
            "small: vision_model has 64 channels, expected a multiple of 3 heads");
  test::ClipShapes odd;
  for (const auto& [name, tensor] : test::small_clip_file().tensors) {
    odd[name] = tensor.sizes().vec();
    for (std::int64_t& size : odd[name]) size = size == 64 ? 80 : size;
  }
  EXPECT_EQ(error_of([&] { small_clip(test::clip_file("odd", odd)); }),
            "small: vision_model has 80 channels, expected a multiple of 64: config.json says nothing of its heads");
  EXPECT_EQ(error_of([&] { small_clip(test::clip_file("odd", odd), {{5, true}, {}}); }), "");
}

TEST(Clip, RefusesWhatIsNotItsInput) {
  const Clip clip = small_clip(test::small_clip_file());
  EXPECT_THROW(clip.embed_images(torch::zeros({1, 3, 24, 32})), c10::Error);
  EXPECT_THROW(clip.embed_images(torch::zeros({3, 24, 24})), c10::Error);
  EXPECT_THROW(clip.embed_images(torch::zeros({1, 1, 24, 24})), c10::Error);
  EXPECT_THROW(clip.embed_texts(torch::zeros({1, 13}, torch::kInt64)), c10::Error);
  EXPECT_THROW(clip.embed_texts(torch::zeros({12}, torch::kInt64)), c10::Error);
  EXPECT_ANY_THROW(clip.embed_texts(torch::full({1, 12}, 600, torch::kInt64)));
}

class ClipConfiguration : public testing::Test {
 protected:
  const TemporaryFolder folder;
  ClipOptions options(const std::string& text) const {
    std::ofstream(folder / "config.json") << text;
    return clip_options_beside(folder / "model.safetensors");
  }
  std::string fault(const std::string& text) const {
    const std::string message = error_of([&] { options(text); }), file = (folder / "config.json").string();
    return message.compare(0, file.size(), file) == 0 ? message.substr(file.size()) : message;
  }
};

TEST_F(ClipConfiguration, GivesHeadsAndActivation) {
  const ClipOptions none = clip_options_beside(folder / "model.safetensors");
  EXPECT_EQ(none.image.heads, 0);
  EXPECT_TRUE(none.image.quick_gelu && none.text.quick_gelu);
  const ClipOptions both = options(R"({"projection_dim": 20, "vision_config": {"num_attention_heads": 16,
    "hidden_act": "gelu"}, "text_config": {"num_attention_heads": 4, "hidden_act": "quick_gelu"}})");
  EXPECT_EQ(both.image.heads, 16);
  EXPECT_EQ(both.text.heads, 4);
  EXPECT_FALSE(both.image.quick_gelu);
  EXPECT_TRUE(both.text.quick_gelu);
  const ClipOptions usual = options(R"({"vision_config": null, "text_config": {"hidden_act": "gelu"}})");
  EXPECT_EQ(usual.image.heads, 12);
  EXPECT_EQ(usual.text.heads, 8);
  EXPECT_FALSE(usual.text.quick_gelu);
}

TEST_F(ClipConfiguration, ErrorsNameFileAndKey) {
  const std::string object = ": expected a JSON object, the configuration of a CLIP model";
  EXPECT_EQ(fault("{"), object);
  EXPECT_EQ(fault("[]"), object);
  EXPECT_EQ(fault(R"({"text_config": 3})"), ": text_config: expected an object");
  EXPECT_EQ(fault(R"({"text_config": {"hidden_act": "gelu_new"}})"),
            R"(: text_config.hidden_act: found "gelu_new", expected "quick_gelu" or "gelu")");
  EXPECT_EQ(fault(R"({"vision_config": {"num_attention_heads": 0}})"),
            ": vision_config.num_attention_heads: found 0, expected a number of 1 to 1024");
  EXPECT_EQ(fault(R"({"vision_config": {"num_attention_heads": "12"}})"),
            R"(: vision_config.num_attention_heads: found "12", expected a number of 1 to 1024)");
}

}  // namespace
}  // namespace cigli
