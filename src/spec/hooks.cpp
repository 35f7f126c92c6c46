// The keys below `hooks:`.
#include "bgdeploy/spec/hooks.hpp"

#include <fmt/format.h>

#include "bgdeploy/core/display_width.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/text.hpp"
#include "types.hpp"

namespace bgdeploy::spec {
namespace {

const std::vector<std::string> k_hook_kinds{"run", "container", "host"};

std::string first_line_of(const std::string& command) {
  constexpr int k_columns = 100;
  const auto lines = core::split_lines(core::trim(command));
  const std::string first = core::printable(lines.empty() ? "" : lines.front());
  return core::fit(lines.size() > 1 ? first + " …" : first, k_columns);
}

void read_kind(const Value& item, Hook& hook) {
  if (auto command = command_line().read(item.get("run"))) hook.what = HookRun{std::move(*command)};
  if (auto argv = program().read(item.get("container"))) hook.what = HookContainer{std::move(*argv)};
  if (auto command = command_line().read(item.get("host"))) hook.what = HookHost{std::move(*command)};
}

// `on: deploy`, `on: [deploy, rollback]`
void read_commands(const Value& value, Hook& hook) {
  if (!value.present() || value.is(Node::Kind::broken)) return;
  const auto is_command = [](std::string_view text) { return text == "deploy" || text == "rollback"; };
  const std::vector<Value> names = value.is(Node::Kind::scalar) ? std::vector{value} : value.items();
  hook.on_deploy = hook.on_rollback = false;
  for (const Value& name : names)
    if (const auto text = name.matching(is_command, "deploy or rollback"))
      (*text == "deploy" ? hook.on_deploy : hook.on_rollback) = true;
  if (names.empty() && value.is(Node::Kind::list)) value.error("must name deploy, rollback or both");
}

void write_commands(Writer& out, const Hook& hook) {
  std::vector<std::string> names;
  if (hook.on_deploy) names.emplace_back("deploy");
  if (hook.on_rollback) names.emplace_back("rollback");
  out.put("on", names);
}

const Table<Hook>& hook_keys() {
  static const Table<Hook> k_table(
      "hooks.before_deploy[]",
      {
          key<Hook>(
              "run", command_line().shape, {},
              [](Writer& out, const Hook& hook) {
                if (const auto* run = std::get_if<HookRun>(&hook.what)) out.put("run", run->command);
              },
              "A command line for `sh -c` on the machine that runs bgdeploy, exactly as it is written."),
          key<Hook>(
              "container", program().shape, {},
              [](Writer& out, const Hook& hook) {
                if (const auto* own = std::get_if<HookContainer>(&hook.what)) out.put("container", own->argv);
              },
              "A command that runs once, in a container of the new release on the first app host."),
          key<Hook>(
              "host", command_line().shape, {},
              [](Writer& out, const Hook& hook) {
                if (const auto* host = std::get_if<HookHost>(&hook.what)) out.put("host", host->command);
              },
              "A command line for `sh -c` on each app host, exactly as it is written."),
          key<Hook>(
              "each", words_form({"once"}), {},
              [](Writer& out, const Hook& hook) {
                const auto* host = std::get_if<HookHost>(&hook.what);
                if (host != nullptr && host->once) out.put("each", "once");
              },
              "once: a `host` command runs on the first app host only."),
          key("timeout", &Hook::timeout, duration(Zero::refused), "After this long the hook is ended."),
          key<Hook>("on", one_or_list(words_form({"deploy", "rollback"})), {}, write_commands,
                    "The commands that run it. Default: both, and of before_start deploy alone."),
      },
      k_hook_kinds);
  return k_table;
}

std::optional<Hook> read_hook(const Value& item, HookPosition at) {
  if (!item.is_map()) return {};
  if (!item.need_one_of(k_hook_kinds)) return {};
  Hook hook;
  hook.on_rollback = at != HookPosition::before_start;
  read_kind(item, hook);
  const Value each = item.get("each");
  const bool once = each.matching([](std::string_view text) { return text == "once"; }, "once").has_value();
  auto* host = std::get_if<HookHost>(&hook.what);
  if (each.present() && !item.get("host").present())
    each.error_at_key("has a meaning with `host` only: all else runs once");
  else if (host != nullptr)
    host->once = once;
  set(hook.timeout, item.get("timeout").duration(Zero::refused));
  read_commands(item.get("on"), hook);
  return hook;
}

template <HookPosition At>
Field<Hooks> position(std::string doc) {
  constexpr auto k_at = static_cast<std::size_t>(At);
  return key<Hooks>(
      std::string(name_of(At)), list_of(section_form<hook_keys>()),
      [](const Value& list, Hooks& hooks) {
        for (const Value& item : list.items())
          if (auto hook = read_hook(item, At)) hooks.at(k_at).push_back(std::move(*hook));
      },
      [](Writer& out, const Hooks& hooks) {
        const auto& list = hooks.at(k_at);
        if (list.empty()) return;
        out.list(std::string(name_of(At)), list.size(),
                 [&](Writer& item, std::size_t i) { write_fields(hook_keys().fields, list.at(i), item); });
      },
      std::move(doc));
}

}  // namespace

const Table<Hooks>& hooks_keys() {
  using enum HookPosition;
  static const Table<Hooks> k_table(
      "hooks",
      {
          position<before_deploy>("Before anything is changed. A failure ends the run."),
          position<before_start>(
              "When the image is there and before a container starts: migrations. A failure "
              "ends the run."),
          position<before_switch>("When the new release is healthy and nobody uses it yet. A failure undoes "
                                  "what was started."),
          position<after_switch>("When the new release serves and the old one still runs. A failure switches "
                                 "back."),
          position<after_deploy>("When all else is done. A failure is exit code 6."),
          position<on_failure>("When the run has failed. It never changes the outcome."),
      });
  return k_table;
}

void read_hooks(const Value& map, Spec& spec) {
  if (!map.present() || !map.is_map()) return;
  read_fields(hooks_keys(), map, spec.hooks);
  if (!spec.build) return;
  // What is pulled can be fetched earlier; what is built is there after before_deploy.
  const Value early = map.get(name_of(HookPosition::before_deploy));
  if (!early.is(Node::Kind::list)) return;
  for (const Value& item : early.items())
    if (item.is(Node::Kind::map) && item.get("container").present())
      item.get("container").error_at_key("has no image yet, which `build` makes later; use before_start");
}

void write_hooks(Writer& out, const Spec& spec) {
  if (spec.hooks == Hooks{}) return;
  Writer map = out.inside("hooks");
  write_fields(hooks_keys().fields, spec.hooks, map);
}

std::string_view name_of(HookPosition position) {
  switch (position) {
    case HookPosition::before_deploy:
      return "before_deploy";
    case HookPosition::before_start:
      return "before_start";
    case HookPosition::before_switch:
      return "before_switch";
    case HookPosition::after_switch:
      return "after_switch";
    case HookPosition::after_deploy:
      return "after_deploy";
    case HookPosition::on_failure:
      return "on_failure";
  }
  return "";
}

std::string words_of(const Hook& hook) {
  if (const auto* run = std::get_if<HookRun>(&hook.what)) return first_line_of(run->command);
  if (const auto* host = std::get_if<HookHost>(&hook.what)) return first_line_of(host->command);
  return first_line_of(core::shell_join(std::get<HookContainer>(hook.what).argv)) + " (in a container)";
}

}  // namespace bgdeploy::spec
