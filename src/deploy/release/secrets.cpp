#include "bgdeploy/deploy/release/secrets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/io/child.hpp"
#include "bgdeploy/io/regular_file.hpp"
#include "bgdeploy/spec/dotenv.hpp"

namespace bgdeploy::deploy {
namespace {

using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;
using core::Secret;
using core::Wait;

Result<std::string> read_text(const std::filesystem::path& path) {
  auto text = io::read_file(path);
  if (text) return text;
  auto& error = text.error();
  const bool missing = error.kind == ErrorKind::not_found;
  return fail(ErrorKind::usage, missing ? path.string() + " does not exist" : std::move(error.message), {},
              missing ? "create it, or correct its path in the spec" : "");
}

Result<Secret> checked(std::string value) {
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  if (value.find('\0') != std::string::npos)
    return fail(ErrorKind::usage, "the value holds a NUL byte, which no environment variable can");
  return Secret(std::move(value));
}

struct Reader {
  const spec::Environment& variables;
  const std::string folder;  // of the spec
  const Wait& wait;

  Result<Secret> operator()(const spec::FromEnv& source) const {
    auto value = variables(source.variable);
    if (!value)
      return fail(ErrorKind::usage, fmt::format("the environment variable {} is not set", source.variable),
                  {}, fmt::format("export {} where bgdeploy runs", source.variable));
    return Secret(std::move(*value));
  }

  Result<Secret> operator()(const spec::FromFile& source) const {
    BGDEPLOY_ASSIGN(auto text, read_text(source.path));
    return checked(std::move(text));
  }

  Result<Secret> operator()(const spec::FromCommand& source) const {
    auto output = io::run_child(source.argv, "", wait.at_most(deadlines::k_secret_command), folder);
    if (!output) {
      // As a variable that is not set: whatever keeps it from being read, nothing was done yet.
      if (output.error().kind != ErrorKind::cancelled) output.error().kind = ErrorKind::usage;
      return std::unexpected(std::move(output).error());
    }
    if (!output->ok())
      return fail(
          ErrorKind::usage,
          fmt::format("the command {} failed with exit code {}", source.argv.front(), output->exit_code), {},
          "run it by hand to see why: its output may hold the secret, so it is not shown");
    return checked(std::move(output->out));
  }
};

Result<void> read_env_file(const std::filesystem::path& path, const spec::Environment& variables,
                           std::map<std::string, Secret>& values) {
  BGDEPLOY_ASSIGN(const auto text, read_text(path));
  BGDEPLOY_ASSIGN(auto read, spec::parse_dotenv(text, path.string(), variables));
  for (auto& [name, value] : read) values.insert_or_assign(name, Secret(std::move(value)));
  return {};
}

Error all_of(std::vector<Error> errors) {
  // Who ended the run knows why the rest is not there.
  const auto cancelled = std::ranges::find(errors, ErrorKind::cancelled, &Error::kind);
  if (cancelled != errors.end()) return std::move(*cancelled);
  if (errors.size() == 1) return std::move(errors.front());
  Error all{errors.front().kind,
            fmt::format("{} secrets cannot be read", errors.size()),
            {},
            "mend each of them, and try with: bgdeploy validate"};
  for (auto& error : errors) all.details.push_back(std::move(error.message));
  return all;
}

}  // namespace

Result<Secret> read_secret(const spec::Spec& spec, const spec::SecretSource& source,
                           const spec::Environment& variables, const Wait& wait) {
  return std::visit(Reader{variables, spec.file.parent_path(), wait}, source);
}

namespace {

// What cannot be read is told all at once.
class Reading {
public:
  Reading(const spec::Spec& spec, const spec::Environment& variables, const Wait& wait)
      : m_spec(spec), m_variables(variables), m_wait(wait) {}

  std::optional<Secret> read(const std::string& name, const spec::SecretSource& source) {
    auto value = read_secret(m_spec, source, m_variables, m_wait);
    if (value) return std::move(*value);
    m_errors.push_back(std::move(value).error().within(name));
    return {};
  }

  std::map<std::string, Secret> environment(const spec::Sources& sources,
                                            const std::vector<std::string>& inherited) {
    std::map<std::string, Secret> values;
    for (const auto& path : sources.env_file) {
      if (auto result = read_env_file(path, m_variables, values); !result)
        m_errors.push_back(std::move(result).error().within("docker.env_file"));
    }
    for (const auto& name : inherited) {
      if (auto value = m_variables(name)) values.insert_or_assign(name, Secret(std::move(*value)));
    }
    for (const auto& [name, source] : sources.secrets) {
      if (auto value = read("secrets." + name, source)) values.insert_or_assign(name, std::move(*value));
    }
    return values;
  }

  Result<void> end() {
    return m_errors.empty() ? Result<void>{} : std::unexpected(all_of(std::move(m_errors)));
  }

private:
  const spec::Spec& m_spec;
  const spec::Environment& m_variables;
  const Wait& m_wait;
  std::vector<Error> m_errors;
};

}  // namespace

spec::Sources sources_of(const spec::Spec& spec) {
  return {spec.docker.env_file, spec.secrets};
}

Result<runtime::SecretValues> read_secrets(const spec::Spec& spec, const spec::Environment& variables,
                                           const Wait& wait) {
  Reading reading(spec, variables, wait);
  runtime::SecretValues values{reading.environment(sources_of(spec), spec.docker.inherited), {}};
  if (spec.registry) values.registry_password = reading.read("registry.password", spec.registry->password);
  BGDEPLOY_TRY(reading.end());
  return values;
}

Result<std::map<std::string, Secret>> read_sources(const spec::Spec& spec, const spec::Sources& sources,
                                                   const std::vector<std::string>& inherited,
                                                   const spec::Environment& variables, const Wait& wait) {
  Reading reading(spec, variables, wait);
  auto values = reading.environment(sources, inherited);
  BGDEPLOY_TRY(reading.end());
  return values;
}

Result<std::optional<Secret>> read_registry_password(const spec::Spec& spec,
                                                     const spec::Environment& variables, const Wait& wait) {
  std::optional<Secret> password;
  Reading reading(spec, variables, wait);
  if (spec.registry) password = reading.read("registry.password", spec.registry->password);
  BGDEPLOY_TRY(reading.end());
  return password;
}

void hide_secrets(const spec::Spec& spec, const runtime::SecretValues& values, report::Redactor& redactor) {
  for (const auto& [name, source] : spec.secrets)
    if (auto value = values.environment.find(name); value != values.environment.end())
      redactor.hide(value->second);
  if (values.registry_password) redactor.hide(*values.registry_password);
}

std::vector<std::string> hide_what_is_at_hand(const spec::Spec& spec, const spec::Environment& variables,
                                              report::Redactor& redactor) {
  const Wait now = Wait::for_at_most(core::Duration(0));
  std::vector<std::string> short_ones;
  const auto hide = [&](const std::string& key, const spec::SecretSource& source) {
    if (std::holds_alternative<spec::FromCommand>(source)) return;
    const auto value = read_secret(spec, source, variables, now);
    if (!value) return;
    redactor.hide(*value);
    if (value->reveal().size() < report::Redactor::k_least) short_ones.push_back(key);
  };
  for (const auto& [name, source] : spec.secrets) hide("secrets." + name, source);
  if (spec.registry) hide("registry.password", spec.registry->password);
  return short_ones;
}

}  // namespace bgdeploy::deploy
