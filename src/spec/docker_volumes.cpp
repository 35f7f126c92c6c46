// `docker.volumes`: short form, long form, and what of both docker would refuse only at the start.
#include <fmt/format.h>

#include <set>

#include "bgdeploy/spec/short_syntax.hpp"
#include "reader.hpp"

namespace bgdeploy::spec {
namespace {

// A part of the short form, in which ':' separates.
std::string part(const Value& value) {
  auto text = value.filled();
  if (text && text->find(':') != std::string::npos) {
    value.error("cannot hold ':'");
    return {};
  }
  return text.value_or("");
}

void add(const Value& place, std::string text, std::vector<std::string>& out) {
  if (const auto wrong = volume_error(text); !wrong.empty())
    place.error(wrong);
  else
    out.push_back(volume_of(text));
}

void refuse(const Value& value, std::string_view type, std::string_view of) {
  if (value.present())
    value.error_at_key(fmt::format("has no meaning for a {}: it belongs to type {}", type, of));
}

// `type: tmpfs` is what `tmpfs:` says too.
void add_tmpfs(const Value& item, std::string target, Docker& out) {
  const Value tmpfs = item.get("tmpfs");
  std::string options = item.get("read_only").boolean().value_or(false) ? ",ro" : "";
  if (tmpfs.present() && tmpfs.is_map()) {
    if (const auto size = tmpfs.get("size").size(1)) options += fmt::format(",size={}", *size);
    if (const auto mode = tmpfs.get("mode").text()) options += fmt::format(",mode={}", *mode);
  }
  if (!options.empty()) target += ":" + options.substr(1);
  if (const auto wrong = tmpfs_error(target); !wrong.empty())
    item.error(wrong);
  else
    out.tmpfs.push_back(std::move(target));
}

// compose's long form.
void read_long(const Value& item, Docker& out) {
  const auto type = item.need("type").matching(
      [](std::string_view t) { return t == "bind" || t == "volume" || t == "tmpfs"; },
      "bind, volume or tmpfs");
  const Value source = item.get("source"), bind = item.get("bind"), volume = item.get("volume");
  std::string target = part(item.need("target"));
  if (!type || target.empty()) return;
  if (*type != "bind") refuse(bind, *type, "bind");
  if (*type != "volume") refuse(volume, *type, "volume");
  if (*type != "tmpfs") refuse(item.get("tmpfs"), *type, "tmpfs");
  if (*type == "tmpfs") {
    refuse(source, *type, "bind or volume");
    return add_tmpfs(item, std::move(target), out);
  }
  std::vector<std::string> modes;
  if (item.get("read_only").boolean().value_or(false)) modes.emplace_back("ro");
  if (bind.present() && bind.is_map()) {
    if (auto mode = bind.get("propagation").filled()) modes.push_back(std::move(*mode));
    if (auto mode = bind.get("selinux").filled()) modes.push_back(std::move(*mode));
    if (!bind.get("create_host_path").boolean().value_or(true))
      bind.get("create_host_path").error("must be true: docker makes a folder that is not there");
  }
  if (volume.present() && volume.is_map() && volume.get("nocopy").boolean().value_or(false))
    modes.emplace_back("nocopy");
  if (!source.present() && *type == "volume" && modes.empty())
    return add(item, std::move(target), out.volumes);
  const std::string from = part(*type == "bind" || !modes.empty() ? item.need("source") : source);
  if (from.empty()) return;
  const bool path = from.find('/') != std::string::npos || from.starts_with('.') || from.starts_with('~');
  if (path != (*type == "bind"))
    return source.error(path ? "must be the name of a volume; with a path of the host, type is bind"
                             : "must be an absolute path on the host; with a volume's name, type is volume");
  std::string text = fmt::format("{}:{}", from, target);
  for (const auto& mode : modes) text += (&mode == &modes.front() ? ":" : ",") + mode;
  add(item, std::move(text), out.volumes);
}

}  // namespace

void read_volumes(const Value& list, Docker& out) {
  for (const auto& item : list.items()) {
    if (item.is(Node::Kind::map))
      read_long(item, out);
    else if (auto text = item.filled())
      add(item, std::move(*text), out.volumes);
  }
  std::set<std::string, std::less<>> targets;
  for (const auto* mounts : {&out.tmpfs, &out.volumes}) {
    for (const auto& mount : *mounts) {
      const auto target = volume_target(mount);
      if (!targets.emplace(target).second)
        list.error(fmt::format("mount {} twice in the container", in_quotes(target)));
    }
  }
}

}  // namespace bgdeploy::spec
