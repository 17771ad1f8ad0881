#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "eval/study/key.h"

namespace cigli {

// What a look at a packet finds.
struct StudyAudit {
  std::int64_t lists = 0, trials = 0, images = 0;
  std::vector<std::string> leaks;      // what may tell raters whose an image is
  std::vector<std::string> imbalance;  // what is shown more often one way than the other
  std::vector<std::string> faults;     // what is missing, damaged or changed since it was written
  bool passes() const { return leaks.empty() && imbalance.empty() && faults.empty(); }
};

// Looks through a packet's folder: nothing in it but the page, data.js and images that it shows; the page as this
// program writes it; images of one size and one kind a trial, PNG without any text or time, under names of one form;
// every pair as often either way round; the hash true. With its `key` also: what that says of lists and trials is what
// the packet shows, names of systems and folders nowhere in what raters can read, but for the program's own wording
// and sentences, each comparison of each item judged as often as the key says and each system as often on either side.
// Throws Error where the folder holds no packet, or the key is another's.
StudyAudit audit_study(const std::filesystem::path& folder, const StudyKey* key = nullptr);

}  // namespace cigli
