// How fast `cigli data curate` looks at a dataset's images, beside merely decoding them, on the same threads:
//   cmake --build --preset release --target cigli_bench_curation
//   build/release/cigli_bench_curation FOLDER [WORKERS [ROUNDS]]
// Prints pairs a second of both, round by round, and the median of their ratios.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "dataset/hygiene.h"
#include "dataset/image.h"
#include "dataset/metadata.h"
#include "dataset/parallel.h"

namespace {

template <class Work>
double seconds(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::cerr << "cigli_bench_curation FOLDER [WORKERS [ROUNDS]]\n";
    return 2;
  }
  const std::filesystem::path folder = arguments[1];
  cigli::HygieneOptions options;
  options.workers = count > 2 ? std::atol(arguments[2]) : 0;
  const int rounds = count > 3 ? std::atoi(arguments[3]) : 5;
  const std::vector<cigli::Row> rows = cigli::read_metadata_strict(folder);
  const auto pairs = static_cast<double>(rows.size());
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) {
    const double decoding = seconds([&] {
      cigli::for_each_parallel(static_cast<std::int64_t>(rows.size()), options.workers, [&](std::int64_t i) {
        const cigli::Row& row = rows[static_cast<std::size_t>(i)];
        cigli::read_image(folder / row.prompt_file_name);
        cigli::read_image(folder / row.target_file_name);
      });
    });
    const double looking = seconds([&] { cigli::Hygiene(folder, options).look(); });
    ratios.push_back(decoding / looking);
    std::cout << "decoded " << pairs / decoding << " pairs/s, looked at " << pairs / looking << " pairs/s\n";
  }
  std::sort(ratios.begin(), ratios.end());
  std::cout << "ratio, median of " << rounds << ": " << ratios[ratios.size() / 2] << '\n';
  return 0;
}
