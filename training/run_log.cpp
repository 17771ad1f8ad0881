#include "training/run_log.h"

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "runtime/error.h"
#include "runtime/files.h"

namespace cigli {

RunLog::RunLog(const std::filesystem::path& file, std::int64_t step) : file_(file) {
  std::string kept;
  if (std::filesystem::exists(file)) {
    std::istringstream lines(read_file(file));
    for (std::string line; std::getline(lines, line);) {
      // A line cut short by a kill does not parse: the run writes it again.
      const auto record = nlohmann::json::parse(line, nullptr, false);
      if (record.is_object() && record.contains("step") && record["step"].is_number_integer() &&
          record["step"].get<std::int64_t>() <= step)
        kept += line + '\n';
    }
  }
  write_file(file, kept);
  stream_.open(file, std::ios::app | std::ios::binary);
  if (!stream_) throw Error(file.string() + ": can't be opened for writing");
}

void RunLog::append(const LogRecord& record) {
  nlohmann::ordered_json line = {{"step", record.step},
                                 {"pairs", record.pairs},
                                 {"loss", record.loss},
                                 {"lr", record.learning_rate},
                                 {"grad_norm", record.gradient_norm}};
  for (const auto& [name, value] : record.more) line[name] = value;
  line["images_per_second"] = record.images_per_second;
  line["elapsed"] = record.elapsed;
  stream_ << line.dump() << '\n' << std::flush;
  if (!stream_) throw Error(file_.string() + ": can't be written (disk full?)");
}

}  // namespace cigli
