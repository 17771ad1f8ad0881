#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "dataset/nlvr2_filter.h"
#include "runtime/options.h"

namespace cigli {

struct Nlvr2Options {
  std::string filter = "published";
  std::string side = "right";  // which image is the target: right, left, or both (a pair each)
  std::string split;           // "": by stable_hash of the image set, or of the least that it shares photographs with
  double val_share = 0.1;      // of the image sets, when `split` is ""
  std::int64_t workers = 0;
  void visit(Fields& f);
};

// What became of the annotations' lines: they add up to `rows`.
struct Nlvr2Counts {
  std::int64_t rows = 0;       // lines that hold something
  std::int64_t malformed = 0;  // no such object, an unknown label or identifier, an identifier seen before
  std::int64_t labelled_false = 0;
  std::int64_t filtered = 0;        // the sentence is not kept
  std::int64_t missing_images = 0;  // one of the two images, or both
  std::int64_t damaged_images = 0;
  std::int64_t kept = 0;
};

struct Nlvr2Skip {
  std::int64_t line = 0;
  std::string identifier;  // "" when unknown
  std::string reason;
};

struct Nlvr2Report {
  Nlvr2Counts counts;
  std::int64_t pairs = 0;        // kept, times the sides
  std::vector<Nlvr2Skip> skips;  // malformed lines and rows without whole images, by line
};

// NLVR2 (Suhr, Zhou, Zhang, Zhang, Bai, Artzi, ACL 2019): calls `on_kept` with the identifiers that are labelled true
// and pass the filter, in file order. `annotations` has an object a line and may be gzipped. Needs no images. Error
// "FILE:LINE: ..." for gzip data that end too soon: a list cut short would be taken for the whole.
Nlvr2Report list_nlvr2(const std::filesystem::path& annotations, Nlvr2Filter filter,
                       const std::function<void(const std::string& identifier)>& on_kept);

// The same as a dataset folder. Images are named `<split>-<set>-<pair>-img0.png` (left) and `-img1.png` (right),
// whatever their true format, and found by name anywhere below `images`; folders behind symbolic links are not
// searched. They come into `out/images` as hard links where the file system allows it, else as copies, named after
// their true format. Rows carry `source` "nlvr2", `identifier`, `side`, and the `synset`, `left_url` and `right_url` of
// the annotations. The image set decides the split, together with the sets of kept rows that share a photograph with
// it, by its address: the same photograph from two addresses may still be on both sides (`data check` finds it).
//
// Rows whose images are missing or damaged (about one in twenty in real copies) are skipped and written, with their
// line and the reason, to `out/skipped.jsonl`. Throws Error when `out` holds a dataset already, when the
// annotations are of more than one released split, or when nothing is left.
Nlvr2Report import_nlvr2(const std::filesystem::path& annotations, const std::filesystem::path& images,
                         const std::filesystem::path& out, const Nlvr2Options& options = {});

nlohmann::ordered_json to_json(const Nlvr2Report& report);

}  // namespace cigli
