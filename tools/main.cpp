#include <c10/util/Exception.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <new>
#include <opencv2/core/version.hpp>
#include <string>
#include <vector>

#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/interrupt.h"
#include "runtime/text.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct Command {
  std::string name, summary;
  int (*run)(const Arguments&);
};

const std::vector<Command>& commands() {
  static const std::vector<Command> table{
      {"data synth", "make a synthetic dataset", run_data_synth},
      {"data import", "turn a published dataset into a dataset folder", run_data_import},
      {"data pack", "pack a dataset folder into one file for training", run_data_pack},
      {"data check", "check a dataset folder, row by row", run_data_check},
      {"data curate", "keep the usable rows of a dataset folder, each with its reason where not", run_data_curate},
      {"train", "train a model on a packed dataset or a dataset folder", run_train},
      {"distill", "turn a trained flow into a model that draws in one or two steps", run_distill},
      {"generate", "make images from sentences and image prompts", run_generate},
      {"control", "answer a dataset without a model: copy, blank, another row's target, retrieval", run_control},
      {"evaluate reference", "save statistics of real images' features", run_evaluate_reference},
      {"evaluate scorer", "train what scores images against sentence and prompt on a dataset's own pairs",
       run_evaluate_scorer},
      {"evaluate", "score generated images against a dataset", run_evaluate},
      {"compare", "compare scores of several trainings row by row", run_compare},
      {"study plan", "how many items, raters and minutes a human study takes", run_study_plan},
      {"study text", "print the wording of human studies, to be changed or translated", run_study_text},
      {"study export", "make a blinded, balanced study of generated images for people to judge", run_study_export},
      {"study check", "look through a study's packet for leaks and imbalance", run_study_check},
      {"study score", "join a study's answers to its systems: win rates, agreement, a report", run_study_score},
      {"export", "write a trained model as one small file", run_export},
      {"bench", "measure how fast systems are, beside how good: latency, images a second, memory, energy", run_bench},
      {"tax", "tell where the time of a model's pass goes, beside what the machine can do", run_tax},
      {"serve", "answer requests line by line, as bench and other programs send them", run_serve},
      {"tokenize", "turn lines of text into token ids", run_tokenize},
      {"inspect", "show what is in a model, checkpoint, packed dataset or generated image", run_inspect},
  };
  return table;
}

std::string group_of(const Command& command) { return command.name.substr(0, command.name.find(' ')); }

bool is_help(const std::string& word) { return word == "--help" || word == "-h"; }

// Help on all commands, or on those of one group ("data").
std::string help_text(const std::string& group) {
  std::string text = group.empty() ? "cigli makes images from a sentence and an image prompt.\n\n" : "";
  text += "usage: cigli " + (group.empty() ? "" : group + " ") + "COMMAND [options]\n\n";
  for (const Command& command : commands())
    if (group.empty() || group_of(command) == group)
      text += "  " + command.name + std::string(20 - command.name.size(), ' ') + command.summary + "\n";
  return text + "\ncigli COMMAND --help lists a command's options; --verbose adds details to an error.\n" +
         (group.empty() ? "cigli --version tells what it was built with.\n" : "");
}

std::string version_text() {
  return std::string("cigli ") + CIGLI_VERSION + "\nLibTorch " + TORCH_VERSION + "\nOpenCV " + CV_VERSION + "\nCUDA " +
         (torch::cuda::is_available() ? "yes" : "no") + "\n" + runtime_description() + "\n";
}

[[noreturn]] void refuse(const std::string& typed) {
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    names.push_back(command.name);
    if (group_of(command) != command.name) names.push_back(group_of(command));
  }
  const std::string near = nearest(typed, names);
  throw UsageError("unknown command '" + typed + "'" + (near.empty() ? "" : ", did you mean '" + near + "'?") +
                   " (cigli --help lists them)");
}

int dispatch(const std::vector<std::string>& words) {
  if (words.empty()) throw UsageError("no command given (cigli --help lists them)");
  if (is_help(words[0])) throw HelpRequested{help_text("")};
  if (words[0] == "--version") throw HelpRequested{version_text()};
  bool group = false;
  for (const Command& command : commands()) {
    const bool grouped = group_of(command) != command.name;
    const std::string typed = grouped && words.size() > 1 ? words[0] + " " + words[1] : words[0];
    if (typed == command.name)
      return command.run({command.name, command.summary, {words.begin() + (grouped ? 2 : 1), words.end()}});
    group = group || (grouped && group_of(command) == words[0]);
  }
  if (!group) refuse(words[0]);
  if (words.size() == 1) throw UsageError("'" + words[0] + "' needs a command (cigli " + words[0] + " --help)");
  if (is_help(words[1])) throw HelpRequested{help_text(words[0])};
  refuse(words[0] + " " + words[1]);
}

int complain(std::string message, int code) {
  std::replace_if(
      message.begin(), message.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  std::cout.flush();
  std::cerr << "cigli: " << message << std::endl;
  return code;
}

int run(std::vector<std::string> words) {
  const auto kept = std::remove(words.begin(), words.end(), "--verbose");
  const bool verbose = kept != words.end();
  words.erase(kept, words.end());
  try {
    int code = 0;
    try {
      code = dispatch(words);
    } catch (const HelpRequested& help) {
      std::cout << help.text;
    }
    if (!std::cout.flush()) throw Error("stdout: cannot be written");
    return code;
  } catch (const UsageError& error) {
    return complain(error.what(), 2);
  } catch (const Interrupted& error) {
    return complain(error.what(), 128 + InterruptGuard::signal());
  } catch (const c10::Error& error) {
    if (verbose) std::cerr << error.what() << "\n";
    const std::string message = error.what_without_backtrace();
    return complain(message.substr(0, message.find('\n')), 1);
  } catch (const std::bad_alloc&) {
    return complain("out of memory", 1);
  } catch (const std::exception& error) {
    return complain(error.what(), 1);
  }
}

}  // namespace
}  // namespace cigli

int main(int argc, char** argv) {
  cigli::prepare_process();
  const int code = cigli::run({argv + 1, argv + argc});
  std::cout.flush();
  std::fflush(nullptr);
  std::_Exit(code);  // LibTorch would take a tenth of a second to clear its registries
}
