#include "eval/study/adapters.h"

#include <nlohmann/json.hpp>

#include "dataset/csv.h"
#include "eval/study/label_studio.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/text.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// `${...}` is Mechanical Turk's place for a column of hits.csv.
constexpr const char* kTurkTemplate =
    R"(<!-- For "Create a New Project", "Survey Link" or "Other", in place of the layout. -->
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form answer-format="flatten-objects">
  <h1>TITLE</h1>
  <p>1. <a id="study-link" href="${url}" target="_blank" rel="noopener">Open the study</a> in a new tab and go through it.</p>
  <p>2. On its last page, press “COPY” and paste the text here:</p>
  <crowd-text-area name="study" label="Answers" rows="6" required></crowd-text-area>
  <p>3. Enter the completion code that it shows:</p>
  <crowd-input name="code" label="Completion code" required></crowd-input>
</crowd-form>
<script>
  const worker = new URLSearchParams(location.search).get("workerId");
  const link = document.getElementById("study-link");
  if (worker) link.href += "&rater=" + encodeURIComponent(worker);
</script>
)";

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  return at == std::string::npos ? text : text.replace(at, what.size(), by);
}

std::string address(const std::string& host, std::size_t list) {
  return host + (host.back() == '/' ? "" : "/") + "index.html?list=" + std::to_string(list);
}

void write_turk(const fs::path& folder, const StudyPacket& packet, const std::string& host) {
  std::string hits = csv_line({"list", "url"});
  for (std::size_t list = 0; list < packet.lists.size(); ++list)
    hits += csv_line({std::to_string(list), address(host, list)});
  write_file(folder / "hits.csv", hits);
  const std::string page = replaced(kTurkTemplate, "TITLE", escape_html(packet.texts.at("title")));
  write_file(folder / "template.html", replaced(page, "COPY", escape_html(packet.texts.at("end_copy_answers"))));
}

void write_prolific(const fs::path& folder, const StudyPacket& packet, const std::string& host) {
  std::string lists = csv_line({"list", "url", "code", "completion"});
  for (std::size_t list = 0; list < packet.lists.size(); ++list)
    lists += csv_line(
        {std::to_string(list),
         address(host, list) + "&PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}",
         packet.codes[list], replaced(prolific_completion_url(), "{code}", packet.codes[list])});
  write_file(folder / "lists.csv", lists);
}

std::string label_config(const StudyPacket& packet) {
  const auto image = [](const std::string& name, const std::string& label) {
    return "    <View style=\"flex: 1; min-width: 0\"><Header size=\"5\" value=\"" + escape_html(label) +
           "\"/><Image name=\"shown_" + name + "\" value=\"$" + name + "\"/></View>\n";
  };
  const bool pairs = packet.mode == StudyMode::pairs;
  std::string xml =
      "<View>\n  <Text name=\"shown_sentence\" value=\"$sentence\"/>\n  <View style=\"display: flex; gap: 1em\">\n" +
      image("prompt", packet.texts.at("prompt"));
  if (pairs)
    xml += image("left", packet.texts.at("left")) + image("right", packet.texts.at("right"));
  else
    xml += image("image", packet.texts.at("image"));
  xml += "  </View>\n  <Header size=\"4\" value=\"$instruction\"/>\n";
  for (const StudyQuestion& question : packet.questions) {
    xml += "  <Header size=\"5\" value=\"" + escape_html(question.wording) + "\"/>\n  <Choices name=\"" +
           escape_html(label_studio_name(question.key)) +
           "\" toName=\"shown_sentence\" choice=\"single\" required=\"true\" showInline=\"true\">\n";
    for (const StudyAnswer& answer : question.answers)
      xml += "    <Choice value=\"" + escape_html(answer.label) + "\" alias=\"" + escape_html(answer.key) + "\"/>\n";
    xml += "  </Choices>\n";
  }
  return xml + "</View>\n";
}

void write_label_studio(const fs::path& folder, const StudyPacket& packet, const std::string& host) {
  const std::string base = host + (host.back() == '/' ? "" : "/");
  write_file(folder / "labels.xml", label_config(packet));
  for (std::size_t list = 0; list < packet.lists.size(); ++list) {
    Json tasks = Json::array();
    for (std::size_t position = 0; position < packet.lists[list].size(); ++position) {
      const std::int64_t number = packet.lists[list][position];
      const StudyTrial& trial = packet.trials[static_cast<std::size_t>(number)];
      Json data{{"packet", packet.hash},        {"list", list},
                {"position", position},         {"trial", number},
                {"sentence", trial.sentence},   {"instruction", trial.instruction},
                {"prompt", base + trial.prompt}};
      if (packet.mode == StudyMode::pairs)
        data.update({{"left", base + trial.images[0]}, {"right", base + trial.images[1]}});
      else
        data["image"] = base + trial.images[0];
      tasks.push_back({{"data", data}});
    }
    write_file(folder / ("list-" + std::to_string(list) + ".json"), tasks.dump(1) + "\n");
  }
}

}  // namespace

const std::vector<std::string>& study_adapters() {
  static const std::vector<std::string> all{"mturk", "prolific", "label-studio"};
  return all;
}

void write_adapter(const std::string& adapter, const fs::path& folder, const StudyPacket& packet,
                   const std::string& host) {
  make_folder(folder);
  if (adapter == "mturk")
    write_turk(folder, packet, host);
  else if (adapter == "prolific")
    write_prolific(folder, packet, host);
  else if (adapter == "label-studio")
    write_label_studio(folder, packet, host);
  else
    throw UsageError("no adapter '" + adapter + "'");
}

std::string prolific_completion_url() { return "https://app.prolific.com/submissions/complete?cc={code}"; }

}  // namespace cigli
