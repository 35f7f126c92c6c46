#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/init/gather.hpp"
#include "bgdeploy/io/regular_file.hpp"
#include "command.hpp"
#include "commands.hpp"

namespace bgdeploy::cli {
namespace {

namespace fs = std::filesystem;
using core::ErrorKind;
using core::Result;

Result<std::string> drafted(const Arguments& arguments, const std::string& file, init::Draft& draft) {
  std::error_code error;
  const fs::path here = fs::current_path(error);
  if (error)
    return core::fail(ErrorKind::usage,
                      fmt::format("the working directory cannot be found ({})", error.message()), {},
                      "change to one that is there");
  BGDEPLOY_TRY(init::read_folder(draft, here.string(), arguments.from, (here / file).parent_path().string()));
  if (!arguments.hosts.empty())
    BGDEPLOY_TRY(init::look_at_hosts(draft, arguments.hosts, variable, arguments.stop));
  init::complete(draft, here.filename().string());
  return init::write(draft);
}

// What is written has to load: what does not is a mistake of ours, and is told before anything is kept.
Result<void> check(const std::string& file, const std::string& text) {
  const auto spec = spec::load({file, text}, "", init::with_required(text, variable));
  if (spec) return {};
  return std::unexpected(core::Error(spec.error()).within("what was found makes no spec"));
}

Result<void> keep(const std::string& file, const std::string& text, bool force) {
  std::error_code error;
  if (!force && fs::symlink_status(file, error).type() != fs::file_type::not_found)
    return core::fail(ErrorKind::usage, fmt::format("{} exists, and was not touched", file), {},
                      "--force to replace it, --stdout to look first");
  if (fs::is_directory(file, error)) return core::fail(ErrorKind::usage, fmt::format("{} is a folder", file));
  return io::write_private_file(file, text);
}

// As the other commands look for it.
std::string usual_file() {
  std::error_code error;
  for (const char* name : {"bgdeploy.yml", "bgdeploy.yaml"})
    if (fs::symlink_status(name, error).type() != fs::file_type::not_found) return name;
  return "bgdeploy.yml";
}

void tell_next(const Arguments& arguments, const std::string& file, const init::Draft& draft) {
  std::string text = fmt::format("{} was written", core::printable(file));
  if (!draft.sources().empty())
    text += core::printable(fmt::format(" from {}", fmt::join(draft.sources(), ", ")));
  text += '\n';
  if (const auto gaps = draft.gaps(); !gaps.empty())
    text += core::printable(fmt::format("  fill in: {}", fmt::join(gaps, ", "))) + '\n';
  for (const std::string& why : draft.refused()) text += "  " + core::printable(why) + '\n';
  const std::string option = arguments.file.empty() ? "" : "-f " + core::shell_quote(file) + " ";
  const auto unset = init::unset_variables(draft, variable);
  if (!unset.required.empty())
    text += core::printable(fmt::format("  export {} first", fmt::join(unset.required, ", "))) + '\n';
  if (!unset.secrets.empty())
    text += core::printable(fmt::format("  export {} {}, or look without: bgdeploy {}validate --offline",
                                        fmt::join(unset.secrets, ", "),
                                        unset.required.empty() ? "first" : "too", option)) +
            '\n';
  text += fmt::format("  next: read it, then bgdeploy {0}check; bgdeploy {0}site shows what nginx needs\n",
                      option);
  print(text);
}

}  // namespace

int run_init(const Arguments& arguments) {
  init::Draft draft;
  const std::string file = arguments.file.empty() ? usual_file() : arguments.file;
  if (file == "-")
    return print_error({ErrorKind::usage, "init writes a file, and - is not one", {}, "--stdout prints it"});
  if (!arguments.environment.empty())
    return print_error({ErrorKind::usage,
                        "init has no use for --environment: it writes all that it finds",
                        {},
                        "leave -e away; the commands that read the spec take it"});
  const auto text = drafted(arguments, file, draft);
  if (!text) return print_error(text.error());
  if (const auto checked = check(file, *text); !checked) return print_error(checked.error());
  if (arguments.to_stdout) return print(*text) ? 0 : with_output(0, take_output_error());
  if (const auto kept = keep(file, *text, arguments.force); !kept) return print_error(kept.error());
  tell_next(arguments, file, draft);
  return 0;
}

}  // namespace bgdeploy::cli
