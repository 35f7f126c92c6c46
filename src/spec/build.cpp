#include "folder.hpp"
#include "types.hpp"

namespace bgdeploy::spec {
namespace {

// "docker/Dockerfile" as the path below the context that it names; nothing for what lies outside.
std::optional<std::string> below_context(const std::filesystem::path& written,
                                         const std::filesystem::path& context) {
  const auto path =
      (written.is_absolute() ? written.lexically_relative(context) : written).lexically_normal();
  if (path.empty() || !path.has_filename() || *path.begin() == ".." || path == ".") return {};
  return path.string();
}

void check_args(const Value& args, const Build& build) {
  for (const auto& [name, value] : build.args) {
    if (!is_environment_name(name))
      args.error("has " + in_quotes(name) +
                 ", which is not the name of an argument: letters, digits, '_', '.', '-'");
    if (value.find('\0') != std::string::npos) args.error("has a value with a NUL byte: " + in_quotes(name));
  }
}

}  // namespace

const Table<Build>& build_keys() {
  static const Table<Build> k_table(
      "build",
      {
          key<Build>(
              "context", filled_form(), {},
              [](Writer& out, const Build& build) { out.put("context", build.context.string()); },
              "The folder on this machine that is sent to the app hosts. Default: that of this file.")
              .examples({"."}),
          key("on", &Build::here, one_of<bool>({{"hosts", false}, {"here", true}}),
              "Where it is built: on each app host (default), or with the docker of this machine, which is "
              "as "
              "`docker build` finds it, and then sent: the layers that each host lacks."),
          // Read by its section, which knows the context.
          key<Build>(
              "dockerfile", filled_form(), {},
              [](Writer& out, const Build& build) { out.put("dockerfile", build.dockerfile); },
              "The Dockerfile, below the context. Default: Dockerfile."),
          key("target", &Build::target,
              matching(
                  scalar_form("[A-Za-z0-9_.][A-Za-z0-9_.-]*"),
                  [](std::string_view text) {
                    return !text.empty() && text[0] != '-' && all_of(text, k_word_characters);
                  },
                  "the name or number of a stage"),
              "The stage of the Dockerfile. Default: the last one."),
          key("args", &Build::args, text_map(),
              "Build arguments: a map, or a list of NAME=value. They are not secret."),
      });
  return k_table;
}

void read_build(const Value& build, Spec& spec) {
  if (!build.present() || !build.is_map()) return;
  Build read;
  read.context = folder_of(spec.file);
  set(read.context, build.get("context").file());
  // "/srv/app/." and "/srv/app/" are /srv/app.
  if (!read.context.has_filename() && read.context.has_relative_path())
    read.context = read.context.parent_path();
  if (const auto dockerfile = build.get("dockerfile").filled()) {
    if (auto path = below_context(*dockerfile, read.context)) {
      read.dockerfile = std::move(*path);
    } else {
      build.get("dockerfile").error("must be a file below the context, not " + in_quotes(*dockerfile));
    }
  }
  read_fields(build_keys(), build, read);
  check_args(build.get("args"), read);
  spec.build = std::move(read);
}

}  // namespace bgdeploy::spec
