// `docker.volumes`: short form, long form, and what of both docker would refuse only at the start.
#include <fmt/format.h>

#include <set>

#include "bgdeploy/spec/short_syntax.hpp"
#include "types.hpp"

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

const Section& bind_keys() {
  static const Section k_section{"docker.volumes[].bind",
                                 {{.name = "propagation",
                                   .doc = "How mounts below it spread.",
                                   .shape = filled_form(),
                                   .examples = {"rprivate"}},
                                  {.name = "create_host_path",
                                   .doc = "Only true: docker makes a folder that is not there.",
                                   .shape = {{.kind = Form::Kind::flag, .pattern = "true"}}},
                                  {.name = "selinux",
                                   .doc = "z: shared among containers; Z: private.",
                                   .shape = words_form({"z", "Z"})}}};
  return k_section;
}

const Section& named_keys() {
  static const Section k_section{
      "docker.volumes[].volume",
      {{.name = "nocopy",
        .doc = "Whether the volume starts empty, without what the image has there.",
        .shape = flag().shape}}};
  return k_section;
}

const Section& tmpfs_keys() {
  static const Section k_section{
      "docker.volumes[].tmpfs",
      {{.name = "size", .doc = "Its size.", .shape = size(1).shape, .examples = {"64m"}},
       {.name = "mode",
        .doc = "Its mode, octal.",
        .shape = scalar_form("[0-7]{1,5}"),
        .examples = {"1777"}}}};
  return k_section;
}

}  // namespace

const Section& volume_keys() {
  static const Section k_section{
      "docker.volumes[]",
      {{.name = "type",
        .doc = "bind: a path of the host; volume: a named volume; tmpfs: memory.",
        .shape = words_form({"bind", "volume", "tmpfs"}),
        .required = true},
       {.name = "source",
        .doc = "An absolute path on the host, or a volume's name.",
        .shape = text_form("[^:]*\\S[^:]*"),
        .per_slot = true},
       {.name = "target",
        .doc = "An absolute path in the container.",
        .shape = text_form("/[^:]+"),
        .required = true,
        .per_slot = true},
       {.name = "read_only", .doc = "Whether the app may only read it.", .shape = flag().shape},
       {.name = "bind", .doc = "What belongs to type bind.", .shape = section_form<bind_keys>()},
       {.name = "volume", .doc = "What belongs to type volume.", .shape = section_form<named_keys>()},
       {.name = "tmpfs", .doc = "What belongs to type tmpfs.", .shape = section_form<tmpfs_keys>()}}};
  return k_section;
}

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
